"""What the routes of the server share."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import HTTPException, Request

from annotation.report import Report
from inference.server.access import Credentials
from inference.server.metrics import Metrics
from inference.server.prediction_queue import Outcome, PredictionQueue
from inference.server.webhook import WebhookCommand

CLIENT_GONE = 499
"""What proxies write down for a client that did not wait; nobody receives it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A model that answers, and who may ask it."""

    queue: PredictionQueue
    labels: Sequence[str]
    """Those that the model finds."""
    model_version: str
    credentials: Credentials
    metrics: Metrics
    command: WebhookCommand | None = None

    async def predict(self, request: Request, reports: Sequence[Report]) -> list[Outcome]:
        """The outcomes of `reports`. Raises RequestTooLarge or QueueFull, as the queue does.

        A request whose client has gone is dropped: the model has better things to do.
        """
        answer = asyncio.wrap_future(self.queue.submit(reports))
        # The body has been read: the next message is that the client has gone.
        gone = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise HTTPException(CLIENT_GONE, "the client has gone")
            return answer.result()
        finally:
            answer.cancel()
            gone.cancel()

    def count_unread(self, unread: Counter[str]) -> None:
        """Enter texts that got an empty result."""
        for reason, count in unread.items():
            self.metrics.unread.labels(reason).inc(count)

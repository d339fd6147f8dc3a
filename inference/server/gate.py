"""What stands before every route: who may come in, with how much, and what the log says of it."""

import asyncio
import logging
import time

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.server.access import LABEL_STUDIO_PATHS, WEBHOOK_PATH, Credentials
from inference.server.metrics import Metrics
from inference.server.place_of_error import place_of_error

log = logging.getLogger(__name__)

BODY_SECONDS = 60.0
"""A request must be here by then: a sender that stops half way would hold up the server's end."""
_QUIET_PATHS = ("/health", "/metrics")
"""Asked every few seconds by those who watch; only their failures are worth a line."""
_KNOWN_PATHS = (*LABEL_STUDIO_PATHS, WEBHOOK_PATH, "/v1/predict", "/metrics", "/openapi.json")


class Gate:
    """Lets a request through to `app`, or refuses it before its body is read.

    The log gets the path of a known route, the status and the time, and nothing that came with the
    request: no texts, no headers, no messages of errors.
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: Credentials,
        metrics: Metrics,
        request_bytes: int,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._metrics = metrics
        self._request_bytes = request_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers = Headers(scope=scope)
        try:
            if not self._credentials.allow(scope["path"], headers.get("authorization")):
                await self._refuse(scope, receive, noting)
            elif int(headers.get("content-length", 0)) > self._request_bytes:
                await JSONResponse({"detail": self._too_large}, 413)(scope, receive, noting)
            else:
                await self._app(scope, self._limited(receive), noting)
        # It has been answered with 500 already. The server would log its message, which may quote
        # a text.
        except Exception as error:
            log.error("failed inside: %s", place_of_error(error))
        finally:
            self._note(scope, status, time.perf_counter() - started)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        challenge = 'Basic realm="rasd", charset="UTF-8"'
        if scope["path"] not in LABEL_STUDIO_PATHS:
            challenge += ', Bearer realm="rasd"'
        refusal = JSONResponse(
            {"detail": "credentials are missing or wrong"}, 401, {"WWW-Authenticate": challenge}
        )
        await refusal(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        """`receive`; raises HTTPException where the body grows too large or comes too late."""
        deadline = asyncio.get_running_loop().time() + self._body_seconds
        size = 0
        whole = False

        async def limited() -> Message:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                told = f"the request was not whole within {self._body_seconds:g} s"
                raise HTTPException(408, told) from None
            size += len(message.get("body", b""))
            if size > self._request_bytes:
                raise HTTPException(413, self._too_large)
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return limited

    @property
    def _too_large(self) -> str:
        return f"the request is larger than {self._request_bytes} bytes; send fewer texts at once"

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in _KNOWN_PATHS else "other"
        self._metrics.requests.labels(path, status).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        if path not in _QUIET_PATHS or status >= 400:
            log.info("%s: %d, %.2f s", path, status, seconds)

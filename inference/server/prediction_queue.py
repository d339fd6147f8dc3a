"""One thread owns the model; what several requests ask of it at a time goes through it together."""

import logging
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from types import TracebackType

from annotation.problems import Rejection
from annotation.report import Report
from inference.predictor import BatchPredictor
from inference.server.metrics import Metrics
from inference.server.place_of_error import place_of_error

log = logging.getLogger(__name__)

Outcome = Report | Rejection
"""A report with the spans that the model found, or why there are none."""

TEXT_COST = 100
"""Characters that a text counts for beyond its own: an empty one costs something too."""
ROUND_CHARACTERS_PER_PIECE = 16
"""A round is a few of the predictor's batches: enough to sort windows by length, and short enough
for a request of one text not to wait for all of a request of a thousand."""
RETRY_SECONDS = (1, 600)


class QueueFull(Exception):
    """More waits than the queue holds; `retry_seconds` is about when it will have room."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_seconds} s")
        self.retry_seconds = retry_seconds


class RequestTooLarge(Exception):
    """More at once than the whole queue holds: it would never fit."""

    def __init__(self, cost: int, capacity: int) -> None:
        super().__init__(
            f"the texts count for {cost} characters (their own, and {TEXT_COST} each), the queue "
            f"holds {capacity}; send fewer at once"
        )


@dataclass(eq=False, slots=True)
class _Job:
    reports: Sequence[Report]
    outcomes: list[Outcome]
    """Of the first reports, in their order."""
    taken: int = 0
    """How many reports are in a round or through."""
    future: "Future[list[Outcome]]" = field(default_factory=Future)


class PredictionQueue:
    """Takes reports from any thread, and predicts them in rounds.

    A round takes a report of each waiting request in turn, so that a small one is not stuck behind
    a large one. As a context manager it finishes what it accepted before it ends. A request whose
    future is cancelled is dropped with the round that it is in.
    """

    def __init__(self, predictor: BatchPredictor, capacity: int, metrics: Metrics) -> None:
        """`capacity` counts characters, and TEXT_COST for each text."""
        self._predictor = predictor
        self._capacity = capacity
        self._metrics = metrics
        self._round_characters = predictor.batch_tokens * ROUND_CHARACTERS_PER_PIECE
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._characters_per_second: float | None = None
        self._closed = False
        self._changed = Condition()
        self._worker = Thread(target=self._work, name="predictor")
        metrics.waiting.set_function(lambda: self._waiting)

    def __enter__(self) -> "PredictionQueue":
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._worker.join()

    def submit(self, reports: Sequence[Report]) -> "Future[list[Outcome]]":
        """The outcomes of `reports` in their order, later.

        Raises RequestTooLarge where they would not fit into an empty queue, else QueueFull where
        they do not fit now, or the queue is closed.
        """
        cost = sum(map(_cost, reports))
        if cost > self._capacity:
            raise RequestTooLarge(cost, self._capacity)
        job = _Job(reports, [])
        if not reports:
            job.future.set_result([])
            return job.future
        with self._changed:
            if self._closed or self._waiting + cost > self._capacity:
                self._metrics.refused.inc()
                raise QueueFull(self._retry_seconds(cost))
            self._jobs.append(job)
            self._waiting += cost
            self._changed.notify()
        return job.future

    def _retry_seconds(self, cost: int) -> int:
        """When what is too much will have been predicted, by the speed measured so far."""
        shortest, longest = RETRY_SECONDS
        if self._characters_per_second is None:
            return 5
        too_much = self._waiting + cost - self._capacity
        return min(max(shortest, math.ceil(too_much / self._characters_per_second)), longest)

    def _work(self) -> None:
        while jobs := self._take_round():
            reports = [job.reports[index] for job, index in jobs]
            started = time.perf_counter()
            outcomes = self._predict(reports)
            seconds = time.perf_counter() - started
            for (job, _), outcome in zip(jobs, outcomes, strict=True):
                job.outcomes.append(outcome)
                if len(job.outcomes) == len(job.reports):
                    with suppress(InvalidStateError):  # Cancelled: nobody waits for it any more.
                        job.future.set_result(job.outcomes)
            self._finish_round(sum(map(_cost, reports)), seconds)

    def _take_round(self) -> list[tuple[_Job, int]]:
        """The next reports, one of each request in turn; empty when closed and done."""
        with self._changed:
            while True:
                self._drop_cancelled()
                if self._jobs or self._closed:
                    break
                self._changed.wait()
            taken: list[tuple[_Job, int]] = []
            characters = 0
            while self._jobs:
                job = self._jobs[0]
                cost = _cost(job.reports[job.taken])
                if taken and characters + cost > self._round_characters:
                    break
                self._jobs.popleft()
                taken.append((job, job.taken))
                characters += cost
                job.taken += 1
                if job.taken < len(job.reports):
                    self._jobs.append(job)
            return taken

    def _drop_cancelled(self) -> None:
        kept: deque[_Job] = deque()
        for job in self._jobs:
            if job.future.cancelled():
                self._waiting -= sum(map(_cost, job.reports[job.taken :]))
            else:
                kept.append(job)
        self._jobs = kept

    def _finish_round(self, characters: int, seconds: float) -> None:
        with self._changed:
            self._waiting -= characters
            now = characters / max(seconds, 1e-6)
            before = self._characters_per_second
            self._characters_per_second = now if before is None else 0.7 * before + 0.3 * now

    def _predict(self, reports: Sequence[Report]) -> list[Outcome]:
        """An outcome for each report, whatever happens."""
        outcomes: list[Outcome] = []
        try:
            for report in self._predictor.predict(reports, outcomes.append):
                outcomes.append(report)
        # The thread must outlive everything, or nobody is ever answered again.
        except Exception as error:
            log.error("the model failed on %d texts: %s", len(reports), place_of_error(error))
            if len(reports) == 1:
                message = f"the model failed on this report: {type(error).__name__}"
                outcomes = [Rejection("", None, reports[0].id, "model_error", message)]
            else:
                # So that one of them costs only itself.
                outcomes = [outcome for one in reports for outcome in self._predict([one])]
                return outcomes
        outcomes = [_checked(outcome) for outcome in outcomes]
        self._count(outcomes)
        return outcomes

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        self._metrics.round_texts.observe(len(outcomes))
        for outcome in outcomes:
            if isinstance(outcome, Rejection):
                continue
            self._metrics.texts.inc()
            for span in outcome.spans or ():
                self._metrics.spans.labels(span.label).inc()


def _checked(outcome: Outcome) -> Outcome:
    """A model whose sums overflowed gives NaN, which JSON cannot say: that is no prediction."""
    if isinstance(outcome, Report) and not math.isfinite(outcome.fields["uncertainty"]):
        message = "the model failed on this report: its output is not a number"
        return Rejection("", None, outcome.id, "model_error", message)
    return outcome


def _cost(report: Report) -> int:
    return len(report.text) + TEXT_COST

"""The predictor: reports in, reports with the spans that the model found out. It serves everywhere.

Text → pieces → windows → batches of like length → logits → merged per word → Viterbi → spans.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.formats.spans import span_to_json
from annotation.problems import Rejection, UserError
from annotation.report import Report, Span
from annotation.tags import labels_of_tags
from inference.calibration import Calibration, load_calibration
from inference.decoding import FloatArray, TagDecoder, log_softmax
from inference.engine import Engine
from inference.overlap import computed_ahead
from inference.pieces import IntArray, Readings, ends, read_texts
from inference.tagged_words import TaggedWords
from inference.tiers import DEFAULT_BATCH_TOKENS as DEFAULT_BATCH_TOKENS
from inference.tiers import load_tier
from inference.windows import WindowCutter, Windows

UNCERTAINTY = "uncertainty"
"""Field of a report: the mean tag entropy of its words, in nats."""
LEFT_OUT = "left_out"
"""Field of a report: the spans that scored too low to be given, as JSON has spans."""
FOUND_FIELDS = (UNCERTAINTY, LEFT_OUT)
"""The fields that a report gets beside its spans; the last one where there are such."""
CHUNK_CHARACTERS = 400_000
"""Reports are read this much at a time: enough to sort windows by length, little enough to keep
memory flat. A longer report is a chunk of its own."""


class BatchPredictor:
    """Predicts spans of reports, streaming and in order."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        tags: Sequence[str],
        *,
        window_size: int,
        batch_tokens: int = DEFAULT_BATCH_TOKENS["cpu"],
        at_once: int = 1,
        crosses_lines: bool = True,
        calibration: Calibration | None = None,
        least_score: float = 0,
    ) -> None:
        """`window_size` counts pieces with the special ones; `tags` are the model's outputs.

        `at_once` threads call the engine at a time. No span holds a line break unless
        `crosses_lines`. Spans that score less than `least_score` are left out.
        """
        self.engine = engine
        self.batch_tokens = batch_tokens
        self.calibration = calibration
        """None: a span's score is the lowest merged tag probability among its words."""
        self.least_score = least_score
        self._at_once = at_once
        self._crosses_lines = crosses_lines
        self._tokenizer = tokenizer
        self._decoder = TagDecoder(tags)
        self._cutter = WindowCutter(tokenizer, window_size)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        precision: str = "exact",
        batch_tokens: int | None = None,
        calibrated: bool = True,
        least_score: float | None = None,
    ) -> "BatchPredictor":
        """Load a model folder. Raises UserError where it, the device or the precision cannot be.

        `precision` is one of `inference.precisions.PRECISIONS`. Without `calibrated` the folder's
        calibration, if it has one, is not looked at. `least_score` None: the calibration's.
        """
        if batch_tokens is not None and batch_tokens < 1:
            raise UserError(f"--batch-tokens {batch_tokens}: expected 1 or more")
        check_least_score(least_score)
        tier = load_tier(folder, device, precision)
        calibration = load_calibration(folder) if calibrated else None
        if least_score is None:
            least_score = calibration.least_score if calibration else 0
        return cls(
            tier.engine,
            tier.tokenizer,
            tier.tags,
            window_size=tier.window_size,
            batch_tokens=batch_tokens or tier.batch_tokens,
            at_once=tier.at_once,
            crosses_lines=tier.crosses_lines,
            calibration=calibration,
            least_score=least_score,
        )

    def use(self, calibration: Calibration | None) -> None:
        """Score spans, and leave out unlikely ones, as `from_pretrained` would with it."""
        self.calibration = calibration
        self.least_score = calibration.least_score if calibration else 0

    @property
    def labels(self) -> list[str]:
        """The labels that the model predicts, in its order."""
        return labels_of_tags(self._decoder.names)

    def predict(
        self,
        reports: Iterable[Report],
        on_rejection: Callable[[Rejection], None] | None = None,
    ) -> Iterator[Report]:
        """The same reports in the same order, with the spans that the model finds.

        Spans that a report already has are neither used nor copied. Each span carries `score`:
        the probability that it is right where the model is calibrated, else the lowest merged tag
        probability among its words. Each report's fields carry `uncertainty`, the mean tag entropy
        of its words in nats; where spans scored less than `least_score`, `left_out` has them. A
        report that the model fails on goes to `on_rejection`; without one the failure is raised.
        """
        for chunk in self._computed(reports, raising=on_rejection is None):
            yield from self._finish(chunk, on_rejection)

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        """What `predict` reads the spans of each report off; a failure of the model is raised."""
        for chunk in self._computed(reports, raising=True):
            tagged = self._decode(chunk)
            for start, end in pairwise(ends(chunk.readings.word_counts)):
                yield tagged.part(start, end)

    def _computed(self, reports: Iterable[Report], raising: bool) -> Iterator["_Chunk"]:
        """The reports in chunks, in order, with the logits of their words."""
        chunks = (self._read(chunk) for chunk in _chunks(reports))

        def compute(chunk: _Chunk, stopped: Event) -> None:
            for batch in _batches(chunk.windows.lengths, self.batch_tokens):
                if stopped.is_set():
                    return
                self._run(chunk, batch, raising)

        with closing(computed_ahead(chunks, compute, self._at_once)) as computed:
            yield from computed

    def _read(self, reports: list[Report]) -> "_Chunk":
        readings = read_texts(self._tokenizer, [report.text for report in reports])
        logits = np.zeros((len(readings.words), len(self._decoder.names)), np.float32)
        return _Chunk(reports, readings, self._cutter.cut_all(readings), logits, {})

    def _run(self, chunk: "_Chunk", batch: list[int], raising: bool) -> None:
        """Run a batch; when it fails, each window alone, so that one costs only its report."""
        windows = [chunk.windows.window(index) for index in batch]
        try:
            for window, logits in zip(
                windows, self.engine.run([window.ids for window in windows]), strict=True
            ):
                chunk.logits[window.words] = logits[window.rows]
        except RuntimeError as error:
            if raising:
                raise
            if len(batch) == 1:
                failed = int(chunk.windows.texts[batch[0]])
                chunk.failed[failed] = (str(error).splitlines() or [type(error).__name__])[0]
                return
            for one in batch:
                self._run(chunk, [one], raising)

    def _decode(self, chunk: "_Chunk") -> TaggedWords:
        """The words of all reports of a chunk with their best tags."""
        logits = chunk.logits
        if not self._crosses_lines:
            logits = self._decoder.cut_before(logits, chunk.readings.line_starts)
        log_probs = log_softmax(logits)
        path = self._decoder.decode_all(log_probs, chunk.readings.word_counts)
        word_ends = ends(chunk.readings.word_counts)[1:]
        return TaggedWords(chunk.readings.words, log_probs, path, self._decoder.names, word_ends)

    def _finish(
        self, chunk: "_Chunk", on_rejection: Callable[[Rejection], None] | None
    ) -> Iterator[Report]:
        """The reports of a chunk with what was found, those that failed left out."""
        tagged = self._decode(chunk)
        word_ends = ends(chunk.readings.word_counts)
        calibration = self.calibration
        spans = iter(
            tagged.spans if calibration is None else tagged.spans_scored(calibration.scores(tagged))
        )
        span_counts = np.diff(np.searchsorted(tagged.runs[:, 0], word_ends)).tolist()
        uncertainties = _means(tagged.entropies, chunk.readings.word_counts).tolist()
        for i, report in enumerate(chunk.reports):
            own = tuple(islice(spans, span_counts[i]))
            if i in chunk.failed and on_rejection is not None:
                message = f"the model failed on this report: {chunk.failed[i]}"
                on_rejection(Rejection("", None, report.id, "model_error", message))
            else:
                # What an earlier model left out of it is none of this one's doing.
                fields = {key: report.fields[key] for key in report.fields if key != LEFT_OUT}
                fields[UNCERTAINTY] = uncertainties[i]
                yield leave_out(replace(report, spans=own, fields=fields), self.least_score)


def check_least_score(least_score: float | None) -> None:
    """Raise UserError for what is no probability."""
    if least_score is not None and not 0 <= least_score <= 1:
        raise UserError(f"--least-score {least_score:g}: expected 0 to 1")


def leave_out(report: Report, least_score: float) -> Report:
    """The report with those of its spans that score less in its field `left_out`, if any do."""
    kept: list[Span] = []
    left_out: list[Span] = []
    for span in report.spans or ():
        # What is not a number is not less: it is kept, for a person to see.
        is_low = span.score is not None and span.score < least_score
        (left_out if is_low else kept).append(span)
    if not left_out:
        return report
    told = [span_to_json(span, report.text) for span in left_out]
    return replace(report, spans=tuple(kept), fields={**report.fields, LEFT_OUT: told})


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Reports that are read, computed and decoded together."""

    reports: list[Report]
    readings: Readings
    windows: Windows
    logits: FloatArray
    """[words of all reports, tags], written window by window"""
    failed: dict[int, str]
    """By the report's index why the model failed on it"""


def _means(values: FloatArray, counts: IntArray) -> NDArray[np.float64]:
    """The mean of each of the runs of `values` that are so long; 0 of an empty one."""
    sums = np.zeros(len(counts), np.float64)
    filled = counts > 0
    if filled.any():
        begins = (np.cumsum(counts) - counts)[filled]
        sums[filled] = np.add.reduceat(values.astype(np.float64), begins)
    means: NDArray[np.float64] = sums / np.maximum(counts, 1)
    return means


def _chunks(reports: Iterable[Report]) -> Iterator[list[Report]]:
    """Runs of reports with about CHUNK_CHARACTERS characters."""
    chunk: list[Report] = []
    characters = 0
    for report in reports:
        # An empty report costs something too: without the 1 a million of them were one chunk.
        size = len(report.text) + 100
        if chunk and characters + size > CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
        chunk.append(report)
        characters += size
    if chunk:
        yield chunk


def _batches(lengths: IntArray, batch_tokens: int) -> Iterator[list[int]]:
    """Indices of windows of like length together, longest first.

    At most `batch_tokens` pieces a batch, padding counted; a longer window is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order):
        behind = first + max(1, batch_tokens // int(lengths[order[first]]))
        yield order[first:behind].tolist()
        first = behind

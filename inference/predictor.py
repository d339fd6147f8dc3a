"""The predictor: reports in, reports with the spans that the model found out. It serves everywhere.

Text → pieces → windows → batches of like length → logits → merged per word → Viterbi → spans.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from annotation.problems import Rejection, UserError
from annotation.report import Report
from annotation.tags import labels_of_tags, tags_to_spans
from inference.calibration import SpanScoring, TaggedWords, load_calibration
from inference.decoding import FloatArray, TagDecoder, log_softmax
from inference.engine import Engine, TorchEngine
from inference.model_folder import load_model
from inference.pieces import IntArray, Pieces, read_pieces
from inference.windows import Window, WindowCutter

CHUNK_CHARACTERS = 400_000
"""Reports are read this much at a time: enough to sort windows by length, little enough to keep
memory flat. A longer report is a chunk of its own."""
DEFAULT_BATCH_TOKENS = {"cpu": 2_048, "cuda": 32_768}
"""Pieces a batch, padding counted. On a CPU big batches are slower than small ones."""


_ReportWindow = tuple[int, Window]
"""The index of a report in its chunk, and one of its windows."""


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
        calibration: SpanScoring | None = None,
    ) -> None:
        """`window_size` counts pieces with the special ones; `tags` are the model's outputs."""
        self.engine = engine
        self.batch_tokens = batch_tokens
        self.calibration = calibration
        """None: a span's score is the lowest merged tag probability among its words."""
        self._tokenizer = tokenizer
        self._decoder = TagDecoder(tags)
        self._cutter = WindowCutter(tokenizer, window_size)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        batch_tokens: int | None = None,
        calibrated: bool = True,
    ) -> "BatchPredictor":
        """Load a model folder. Raises UserError where it, or the device, is not what it must be.

        Without `calibrated` its calibration, if it has one, is not looked at.
        """
        if batch_tokens is not None and batch_tokens < 1:
            raise UserError(f"--batch-tokens {batch_tokens}: expected 1 or more")
        loaded = load_model(folder, device)
        return cls(
            TorchEngine(loaded.model, loaded.tokenizer.pad_token_id, loaded.window_size),
            loaded.tokenizer,
            loaded.tags,
            window_size=loaded.window_size,
            batch_tokens=batch_tokens or DEFAULT_BATCH_TOKENS[loaded.model.device.type],
            calibration=load_calibration(folder) if calibrated else None,
        )

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
        of its words in nats. A report that the model fails on goes to `on_rejection`; without one
        the failure is raised.
        """
        for chunk in _chunks(reports):
            yield from self._predict_chunk(chunk, on_rejection)

    def _predict_chunk(
        self, reports: list[Report], on_rejection: Callable[[Rejection], None] | None
    ) -> Iterator[Report]:
        readings = read_pieces(self._tokenizer, [report.text for report in reports])
        tag_count = len(self._decoder.names)
        log_probs = [np.zeros((len(r.words), tag_count), np.float32) for r in readings]
        windows = [(i, window) for i, r in enumerate(readings) for window in self._cutter.cut(r)]
        failed: dict[int, str] = {}
        for batch in _batches(windows, self.batch_tokens):
            for (i, window), logits in self._run(batch, failed, raising=on_rejection is None):
                log_probs[i][window.words] = log_softmax(logits[window.rows])
        paths = self._decoder.decode(log_probs)
        for i, report in enumerate(reports):
            if i in failed and on_rejection is not None:
                message = f"the model failed on this report: {failed[i]}"
                on_rejection(Rejection("", None, report.id, "model_error", message))
            else:
                yield self._with_spans(report, readings[i], log_probs[i], paths[i])

    def _run(
        self, batch: list[_ReportWindow], failed: dict[int, str], raising: bool
    ) -> Iterator[tuple[_ReportWindow, FloatArray]]:
        """Run a batch; when it fails, each window alone, so that one costs only its report."""
        try:
            yield from zip(batch, self.engine.run([window.ids for _, window in batch]), strict=True)
        except RuntimeError as error:
            if raising:
                raise
            if len(batch) == 1:
                failed[batch[0][0]] = (str(error).splitlines() or [type(error).__name__])[0]
                return
            for one in batch:
                yield from self._run([one], failed, raising)

    def _with_spans(
        self, report: Report, reading: Pieces, log_probs: FloatArray, path: IntArray
    ) -> Report:
        chosen = np.exp(log_probs[np.arange(len(path)), path])
        entropy = -(np.exp(log_probs) * log_probs).sum(-1)
        found = tags_to_spans(reading.words, [self._decoder.names[tag] for tag in path])
        starts = np.array([word.start for word in reading.words])
        first = np.searchsorted(starts, [span.start for span in found])
        behind = np.searchsorted(starts, [span.end for span in found])
        spans = [
            replace(span, score=float(chosen[i:j].min()))
            for span, i, j in zip(found, first, behind, strict=True)
        ]
        if self.calibration is not None:
            tagged = TaggedWords(log_probs, path, first, behind, self._decoder.names)
            spans = self.calibration.rescore(spans, tagged)
        uncertainty = float(entropy.mean()) if len(entropy) else 0.0
        return replace(
            report, spans=tuple(spans), fields={**report.fields, "uncertainty": uncertainty}
        )


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


def _batches(windows: list[_ReportWindow], batch_tokens: int) -> Iterator[list[_ReportWindow]]:
    """Windows of like length together, at most `batch_tokens` pieces a batch, padding counted."""
    batch: list[_ReportWindow] = []
    for one in sorted(windows, key=lambda window: -len(window[1].ids)):
        if batch and len(batch[0][1].ids) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch

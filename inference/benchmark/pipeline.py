"""What most people would write: transformers' own pipeline for token classification."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from transformers import pipeline

from annotation.report import Report, Span
from inference.model_folder import LoadedModel

REPORTS_AT_ONCE = 1_000


class PipelinePredictor:
    """Spans as the pipeline groups pieces (`simple`); windows share a quarter, as ours."""

    def __init__(self, loaded: LoadedModel, batch_size: int) -> None:
        loaded.tokenizer.model_max_length = loaded.window_size
        self._batch_size = batch_size
        self._pipeline: Any = pipeline(
            "token-classification",
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            device=loaded.model.device,
            aggregation_strategy="simple",
            stride=loaded.window_size // 4,
        )

    def predict(self, reports: Iterable[Report]) -> Iterator[Report]:
        """See BatchPredictor."""
        rest = iter(reports)
        while some := list(islice(rest, REPORTS_AT_ONCE)):
            texts = [report.text for report in some]
            groups = self._pipeline(texts, batch_size=self._batch_size)
            for report, found in zip(some, groups, strict=True):
                yield replace(report, spans=_spans(found))


def _spans(groups: Iterable[Mapping[str, Any]]) -> tuple[Span, ...]:
    """As our spans; where groups of two windows overlap, the first."""
    spans: list[Span] = []
    for group in sorted(groups, key=lambda one: (one["start"], one["end"])):
        if group["start"] < group["end"] and (not spans or group["start"] >= spans[-1].end):
            label, score = str(group["entity_group"]), float(group["score"])
            spans.append(Span(int(group["start"]), int(group["end"]), label, score))
    return tuple(spans)

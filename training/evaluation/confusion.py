"""Which label was taken for which: pairs of gold and predicted labels, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from annotation.report import Span
from training.evaluation.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Confused:
    """Spans of one gold label that were predicted with one label."""

    gold: str | None
    """None: the predictions are spurious."""
    predicted: str | None
    """None: the gold spans were missed."""
    spans: int
    same_edges: int
    """How many of them have the right edges too: with equal labels, those that are right."""

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` carries it."""
        return asdict(self)


def count_confusion(outcomes: Iterable[Outcome]) -> list[Confused]:
    """By gold label, then predicted label; what stands against nothing comes last."""
    spans: Counter[tuple[str | None, str | None]] = Counter()
    same_edges: Counter[tuple[str | None, str | None]] = Counter()
    for outcome in outcomes:
        labels = _label_of(outcome.gold), _label_of(outcome.predicted)
        spans[labels] += 1
        same_edges[labels] += outcome.kind in ("right", "label")
    ordered = sorted(spans, key=lambda pair: tuple((name is None, name or "") for name in pair))
    return [Confused(*labels, spans[labels], same_edges[labels]) for labels in ordered]


def _label_of(span: Span | None) -> str | None:
    return None if span is None else span.label

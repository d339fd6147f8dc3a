"""What became of each span: right, or wrong in one of five ways.

Gold and predicted spans are paired one to one, in this order, each from the left:

1. equal edges: `right` with the same label, else `label`;
2. of what is left, spans of one label that overlap: `boundary`;
3. of what is left, spans that overlap: `both` (label and boundary);
4. gold that is left is `missed`, predictions that are left are `spurious`.

A span with equal edges overlaps no other span, so step 1 takes nothing from the later ones, and
the strict, boundary and type-only counts of `annotation.scoring` follow from the classes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from annotation.report import Span
from annotation.scoring import pair_overlapping

OutcomeClass = Literal["right", "missed", "spurious", "boundary", "label", "both"]
OUTCOME_CLASSES: tuple[OutcomeClass, ...] = get_args(OutcomeClass)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pair of spans, or one that has no partner, and what is wrong with it."""

    kind: OutcomeClass
    gold: Span | None
    predicted: Span | None

    @property
    def start(self) -> int:
        """Where the first of the two begins."""
        return min(span.start for span in (self.gold, self.predicted) if span is not None)


def classify_spans(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Outcome]:
    """The outcomes of one report from left to right. On neither side may spans overlap."""
    outcomes = list(_with_equal_edges(gold, predicted))
    wanted, found = _left(outcomes, gold, predicted)
    for label in sorted({span.label for span in wanted}):
        ours, theirs = ([s for s in side if s.label == label] for side in (wanted, found))
        outcomes += [
            Outcome("boundary", one, other) for one, other in pair_overlapping(ours, theirs)
        ]
    wanted, found = _left(outcomes, gold, predicted)
    outcomes += [Outcome("both", one, other) for one, other in pair_overlapping(wanted, found)]
    wanted, found = _left(outcomes, gold, predicted)
    outcomes += [Outcome("missed", span, None) for span in wanted]
    outcomes += [Outcome("spurious", None, span) for span in found]
    return sorted(outcomes, key=lambda outcome: (outcome.start, outcome.gold is None))


def count_outcomes(outcomes: Iterable[Outcome]) -> dict[OutcomeClass, int]:
    """How many there are of each class, of those that are not met too."""
    counted = Counter(outcome.kind for outcome in outcomes)
    return {kind: counted[kind] for kind in OUTCOME_CLASSES}


def _with_equal_edges(gold: Sequence[Span], predicted: Sequence[Span]) -> Iterator[Outcome]:
    by_edges = {(span.start, span.end): span for span in predicted}
    for span in gold:
        other = by_edges.get((span.start, span.end))
        if other is not None:
            yield Outcome("right" if other.label == span.label else "label", span, other)


def _left(
    outcomes: Sequence[Outcome], gold: Sequence[Span], predicted: Sequence[Span]
) -> tuple[list[Span], list[Span]]:
    """The gold and the predicted spans that no outcome has yet, sorted."""
    taken = {outcome.gold for outcome in outcomes}, {outcome.predicted for outcome in outcomes}
    wanted, found = (
        sorted(set(side) - used) for side, used in zip((gold, predicted), taken, strict=True)
    )
    return wanted, found

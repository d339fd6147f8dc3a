"""Span counts, precision, recall and F1: the one place where they are computed.

A predicted span is right in one of four ways (`MODES`), by what has to equal a gold span's:

|                        | label too           | any label |
| ---------------------- | ------------------- | --------- |
| both edges             | strict              | boundary  |
| one character at least | type_only           | overlap   |

They are the measures of SemEval-2013 task 9.1, where the last two are called type and partial;
agreement between annotators counts an overlap with the label (type_only). The matching is one to
one: each gold span makes one predicted span right at most, and of all such matchings one with the
most pairs counts. Gold that tags cannot say is gold all the same: it counts as missed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotation.report import Span

FloatArray = npt.NDArray[np.float64]
FIGURES = ("precision", "recall", "f1")
"""The figures of a set of counts, in the order of `counts_to_figures`."""
ANY_LABEL = "any"
"""Stands for the label where labels do not matter."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many spans were found right, found at all, and there to be found."""

    matched: int = 0
    predicted: int = 0
    gold: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.matched + other.matched,
            self.predicted + other.predicted,
            self.gold + other.gold,
        )

    @property
    def precision(self) -> float:
        """Matched over predicted; 0 where nothing was predicted."""
        return float(counts_to_figures(astuple(self))[0])

    @property
    def recall(self) -> float:
        """Matched over gold; 0 where there is no gold."""
        return float(counts_to_figures(astuple(self))[1])

    @property
    def f1(self) -> float:
        """2 · matched / (predicted + gold); 0 where there is neither."""
        return float(counts_to_figures(astuple(self))[2])

    def to_json(self) -> dict[str, Any]:
        """Figures as evaluations carry them."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "support": self.gold,
            "predicted": self.predicted,
            "matched": self.matched,
        }


def counts_to_figures(counts: npt.ArrayLike) -> FloatArray:
    """Precision, recall and F1 [..., 3] of matched, predicted and gold spans [..., 3]."""
    matched, predicted, gold = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    # Of nothing nothing is matched: over 1 in place of 0 it comes to 0.
    over = [np.maximum(whole, 1) for whole in (predicted, gold, predicted + gold)]
    return np.stack([matched / over[0], matched / over[1], 2 * matched / over[2]], -1)


def macro_figures(counts: npt.ArrayLike) -> FloatArray:
    """Unweighted means [..., 3] of the figures of labels [..., labels, 3] that are met.

    A label is met that gold or predictions hold; where none is, all is 0.
    """
    array = np.asarray(counts, np.float64)
    met = array[..., 1:].any(-1)
    # The figures of a label that is not met are 0: they add nothing.
    total = counts_to_figures(array).sum(-2)
    means: FloatArray = total / np.maximum(met.sum(-1), 1)[..., None]
    return means


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts per label; micro sums the counts, macro averages the labels' figures."""

    labels: dict[str, Counts]

    def __add__(self, other: "Scores") -> "Scores":
        labels = dict(self.labels)
        for label, counts in other.labels.items():
            labels[label] = labels.get(label, Counts()) + counts
        return Scores(labels)

    def turned(self) -> "Scores":
        """What they were with gold and predicted exchanged."""
        exchanged = {
            label: Counts(counts.matched, counts.gold, counts.predicted)
            for label, counts in self.labels.items()
        }
        return Scores(exchanged)

    @property
    def micro(self) -> Counts:
        """All labels' counts together."""
        return sum(self.labels.values(), Counts())

    def macro(self) -> dict[str, float]:
        """Unweighted means over the labels that gold or predictions hold."""
        counts = np.array([astuple(counts) for counts in self.labels.values()]).reshape(-1, 3)
        return dict(zip(FIGURES, macro_figures(counts).tolist(), strict=True))


def count_report(gold: Sequence[Span], predicted: Sequence[Span]) -> dict[str, Counts]:
    """Strict counts of one report, per label."""
    gold_set, predicted_set = set(gold), set(predicted)
    labels = sorted({span.label for span in gold_set | predicted_set})
    return {
        label: Counts(
            sum(span.label == label for span in gold_set & predicted_set),
            sum(span.label == label for span in predicted_set),
            sum(span.label == label for span in gold_set),
        )
        for label in labels
    }


def count_overlaps(gold: Sequence[Span], predicted: Sequence[Span]) -> dict[str, Counts]:
    """Counts of one report by overlap, per label. On neither side may spans overlap."""
    by_label = {
        label: [
            sorted({span for span in side if span.label == label}) for side in (gold, predicted)
        ]
        for label in sorted({span.label for span in (*gold, *predicted)})
    }
    return {
        label: Counts(sum(1 for _ in pair_overlapping(wanted, found)), len(found), len(wanted))
        for label, (wanted, found) in by_label.items()
    }


def pair_overlapping(ones: Sequence[Span], others: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    """The most pairs of spans that overlap, whatever their labels, no span in two of them.

    Both sides sorted, and on neither may spans overlap. To pair, from the left, the first two that
    overlap costs no other pair: of the two, the one that ends first overlaps nobody further right.
    """
    i = j = 0
    while i < len(ones) and j < len(others):
        if ones[i].start < others[j].end and others[j].start < ones[i].end:
            yield ones[i], others[j]
            i, j = i + 1, j + 1
        elif ones[i].end <= others[j].start:
            i += 1
        else:
            j += 1


Counting = Callable[[Sequence[Span], Sequence[Span]], Mapping[str, Counts]]
"""Counts the (gold, predicted) spans of a report, per label."""


def with_any_label(count: Counting) -> Counting:
    """The counting that `count` is where labels do not matter; all counts are ANY_LABEL's."""

    def bare(spans: Sequence[Span]) -> list[Span]:
        return [Span(span.start, span.end, ANY_LABEL) for span in spans]

    return lambda gold, predicted: count(bare(gold), bare(predicted))


MODES: dict[str, Counting] = {
    "strict": count_report,
    "boundary": with_any_label(count_report),
    "type_only": count_overlaps,
    "overlap": with_any_label(count_overlaps),
}
"""When a predicted span is right; see the table above."""


def score_reports(
    pairs: Iterable[tuple[Sequence[Span], Sequence[Span]]],
    labels: Sequence[str] = (),
    count: Counting = count_report,
) -> Scores:
    """Score (gold, predicted) spans, a pair a report; `count` says when a span is right.

    `labels` come first and are there even without spans; others follow as they are met.
    """
    totals = {label: Counts() for label in labels}
    for gold, predicted in pairs:
        for label, counts in count(gold, predicted).items():
            totals[label] = totals.get(label, Counts()) + counts
    return Scores(totals)

"""Span counts, precision, recall and F1: the one place where they are computed.

Strictly, a predicted span is right when start, end and label all equal a gold span's. By overlap,
it is enough that a gold span of the same label shares a character with it; each gold span makes
one predicted span right at most. Gold that tags cannot say is gold all the same: it counts as
missed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.report import Span


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
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Matched over gold; 0 where there is no gold."""
        return self.matched / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """2 · matched / (predicted + gold); 0 where there is neither."""
        total = self.predicted + self.gold
        return 2 * self.matched / total if total else 0.0

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
        met = [counts for counts in self.labels.values() if counts.predicted or counts.gold]
        return {
            name: sum(getattr(counts, name) for counts in met) / len(met) if met else 0.0
            for name in ("precision", "recall", "f1")
        }


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
        label: Counts(_overlapping_pairs(wanted, found), len(found), len(wanted))
        for label, (wanted, found) in by_label.items()
    }


def _overlapping_pairs(ones: Sequence[Span], others: Sequence[Span]) -> int:
    """The most pairs of spans that overlap, no span in two of them; both sides sorted.

    To pair, from the left, the first two that overlap costs no other pair: of the two, the one that
    ends first overlaps nobody further right.
    """
    pairs = i = j = 0
    while i < len(ones) and j < len(others):
        if ones[i].start < others[j].end and others[j].start < ones[i].end:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif ones[i].end <= others[j].start:
            i += 1
        else:
            j += 1
    return pairs


def score_reports(
    pairs: Iterable[tuple[Sequence[Span], Sequence[Span]]],
    labels: Sequence[str] = (),
    count: Callable[[Sequence[Span], Sequence[Span]], Mapping[str, Counts]] = count_report,
) -> Scores:
    """Score (gold, predicted) spans, a pair a report; `count` says when a span is right.

    `labels` come first and are there even without spans; others follow as they are met.
    """
    totals = {label: Counts() for label in labels}
    for gold, predicted in pairs:
        for label, counts in count(gold, predicted).items():
            totals[label] = totals.get(label, Counts()) + counts
    return Scores(totals)

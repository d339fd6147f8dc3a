"""What is left when only spans with a certain score are kept: precision against recall."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotation.files import open_output
from annotation.scoring import Counts
from training.evaluation.calibration import ScoredSpans

CUTS = (*(percent / 100 for percent in range(0, 100, 5)), 0.99)
COLUMNS = ("score_at_least", "kept", "right", "gold", "precision", "recall", "f1")
_SHOWN = (0.5, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Strict counts of the spans with at least this score; `predicted` are those kept."""

    score: float
    counts: Counts

    def to_row(self) -> dict[str, Any]:
        """By COLUMNS."""
        counts = self.counts
        figures = (counts.precision, counts.recall, counts.f1)
        values = (self.score, counts.predicted, counts.matched, counts.gold, *figures)
        return dict(zip(COLUMNS, values, strict=True))

    def __str__(self) -> str:
        counts = self.counts
        return (
            f"{self.score:g}: {counts.predicted} kept, precision {counts.precision:.4f}, "
            f"recall {counts.recall:.4f}, F1 {counts.f1:.4f}"
        )


def find_thresholds(spans: ScoredSpans, gold: int, cuts: Sequence[float] = CUTS) -> list[Threshold]:
    """A threshold for each cut, of `gold` spans to be found; none where no span has a score."""
    if not len(spans.scores):
        return []
    kept = [spans.scores >= cut for cut in cuts]
    return [
        Threshold(cut, Counts(int(np.sum(spans.right & rows)), int(rows.sum()), gold))
        for cut, rows in zip(cuts, kept, strict=True)
    ]


def write_thresholds(thresholds: Sequence[Threshold], path: Path) -> None:
    """Write a table (CSV)."""
    with open_output(path) as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(threshold.to_row() for threshold in thresholds)


def describe_thresholds(thresholds: Sequence[Threshold], table: str) -> list[str]:
    """Some of them in a line, that names the `table` of all; nothing where there is none."""
    shown = [str(one) for one in thresholds if one.score in _SHOWN]
    return [f"spans with a score of at least {'; '.join(shown)} (more: {table})"] if shown else []

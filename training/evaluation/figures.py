"""Figures with their intervals, as evaluations and records carry them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from annotation.scoring import ANY_LABEL, FIGURES, Counts, FloatArray, Scores
from training.evaluation.bootstrap import (
    CountTable,
    Resampling,
    find_intervals,
    resample_figures,
)

Interval = list[float] | None
"""Low and high end; None where there is nothing to say, see `find_intervals`."""
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Measured:
    """The scores of some counts, and how sure they are."""

    table: CountTable
    ends: FloatArray
    """[labels + 2, 3, 2]: low and high of precision, recall and F1 of labels, micro and macro"""

    @property
    def scores(self) -> Scores:
        """The scores themselves."""
        return self.table.scores

    def f1_intervals(self) -> dict[str, Interval]:
        """Of F1, by label."""
        rows = zip(self.table.labels, self.ends, strict=False)
        return {label: ends_to_interval(row[FIGURES.index("f1")]) for label, row in rows}

    @property
    def micro_interval(self) -> Interval:
        """Of micro F1."""
        return ends_to_interval(self.ends[-2][FIGURES.index("f1")])

    @property
    def macro_interval(self) -> Interval:
        """Of macro F1."""
        return ends_to_interval(self.ends[-1][FIGURES.index("f1")])

    def to_json(self) -> dict[str, Any]:
        """Micro, macro and per label, with the interval of each F1; micro alone without labels."""
        if self.table.labels == (ANY_LABEL,):
            return {"micro": {**self.scores.micro.to_json(), "interval": self.micro_interval}}
        return scores_to_json(self.scores, self.f1_intervals(), self.micro_interval)

    def intervals_to_json(self) -> dict[str, Any]:
        """The intervals of all three figures, micro, macro and per label."""
        rows = [
            {name: ends_to_interval(ends) for name, ends in zip(FIGURES, row, strict=True)}
            for row in self.ends
        ]
        labels = dict(zip(self.table.labels, rows, strict=False))
        return {"micro": rows[-2], "macro": rows[-1], "labels": dict(sorted(labels.items()))}


def measure(
    tables: Mapping[Key, CountTable], reports: int, resampling: Resampling
) -> dict[Key, Measured]:
    """All tables on the same resamples of the `reports`; of one report there are no intervals."""
    if reports < 2:
        return {
            key: Measured(table, np.full((len(table.labels) + 2, 3, 2), np.nan))
            for key, table in tables.items()
        }
    resampled = resample_figures(list(tables.values()), reports, resampling)
    return {
        key: Measured(table, find_intervals(figures, table.holders, resampling.level))
        for (key, table), figures in zip(tables.items(), resampled, strict=True)
    }


def scores_to_json(
    scores: Scores,
    intervals: Mapping[str, Interval] | None = None,
    micro_interval: Interval = None,
) -> dict[str, Any]:
    """Micro, macro and per label, as evaluations and records carry them."""
    known = intervals or {}

    def figures(counts: Counts, interval: Interval) -> dict[str, Any]:
        return {**counts.to_json(), "interval": interval}

    return {
        "micro": figures(scores.micro, micro_interval),
        "macro": scores.macro(),
        "labels": {
            label: figures(counts, known.get(label))
            for label, counts in sorted(scores.labels.items())
        },
    }


def ends_to_interval(ends: FloatArray) -> Interval:
    """[2] to a list, NaN to None."""
    low, high = ends.tolist()
    return None if np.isnan(low) else [low, high]

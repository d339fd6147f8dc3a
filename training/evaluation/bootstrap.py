"""How sure a figure is: the bootstrap over reports.

A resample draws as many reports as there are, with replacement. Spans of one report stay together,
since they share a writer, a subject and names. All that is measured on the same reports goes
through the same resamples, so that differences are paired.

Intervals are expanded percentile intervals (Hesterberg, What Teachers Should Know About the
Bootstrap, The American Statistician 69, 2015): plain percentiles of n reports are too narrow by the
factor √((n − 1) / n) and by the normal quantile in place of Student's. n is the number of reports
that hold a span of what is measured: a label of four reports is not as sure as the other labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

from annotation.scoring import Counts, FloatArray, Scores, counts_to_figures, macro_figures

IntArray = npt.NDArray[np.int64]

_DRAWN_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Resampling:
    """How reports are drawn, and how much of what comes of it an interval holds."""

    resamples: int = 2000
    seed: int = 13
    level: float = 0.95

    def to_json(self) -> dict[str, Any]:
        """As evaluations carry it."""
        return {
            "method": "expanded percentile bootstrap over reports",
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class CountTable:
    """The counts of every report, per label: what is drawn from."""

    labels: tuple[str, ...]
    reports: IntArray
    """[rows]: the indices of the reports that hold a span of it; the others would add nothing."""
    counts: IntArray
    """[rows, labels, 3]: matched, predicted, gold"""

    @classmethod
    def of(
        cls, counted: Mapping[int, Mapping[str, Counts]], labels: Sequence[str] = ()
    ) -> "CountTable":
        """From the counts of reports, by their index; `labels` are there even without spans."""
        names = list(dict.fromkeys([*labels, *(name for one in counted.values() for name in one)]))
        reports = [index for index, one in counted.items() if any(map(_holds, one.values()))]
        nothing = Counts()
        rows = [[astuple(counted[i].get(name, nothing)) for name in names] for i in reports]
        counts = np.array(rows, np.int64).reshape(len(reports), len(names), 3)
        return cls(tuple(names), np.array(reports, np.int64), counts)

    def keep(self, reports: Sequence[int]) -> "CountTable":
        """Of these reports alone, numbered anew in their order."""
        places = {report: place for place, report in enumerate(reports)}
        rows = [row for row, report in enumerate(self.reports.tolist()) if report in places]
        numbers = np.array([places[int(self.reports[row])] for row in rows], np.int64)
        return CountTable(self.labels, numbers, self.counts[rows])

    @property
    def scores(self) -> Scores:
        """The sum over the reports."""
        totals = self.counts.sum(0).tolist()
        return Scores(
            {label: Counts(*total) for label, total in zip(self.labels, totals, strict=True)}
        )

    @property
    def figures(self) -> FloatArray:
        """[labels + 2, 3]: precision, recall and F1 of each label, micro and macro."""
        return totals_to_figures(self.counts.sum(0))

    @property
    def holders(self) -> IntArray:
        """[labels + 2]: how many reports hold a span of each label, and of any (twice)."""
        per_label = self.counts.any(-1).sum(0)
        return np.append(per_label, [len(self.reports)] * 2)


def _holds(counts: Counts) -> bool:
    return bool(counts.predicted or counts.gold)


def totals_to_figures(totals: npt.NDArray[Any]) -> FloatArray:
    """[…, labels, 3] counts to […, labels + 2, 3] figures: of each label, micro and macro."""
    micro = totals.sum(-2, keepdims=True)
    return np.concatenate(
        [counts_to_figures(totals), counts_to_figures(micro), macro_figures(totals)[..., None, :]],
        axis=-2,
    )


def resample_figures(
    tables: Sequence[CountTable], reports: int, resampling: Resampling
) -> list[FloatArray]:
    """The figures of each table in each resample of the `reports`: [resamples, labels + 2, 3].

    NaN where a resample holds no span of what is measured.
    """
    draw = np.random.default_rng(resampling.seed)
    at_once = max(1, _DRAWN_AT_ONCE // max(reports, 1))
    found: list[list[FloatArray]] = [[] for _ in tables]
    for start in range(0, resampling.resamples, at_once):
        times = _draw_times(draw, min(at_once, resampling.resamples - start), reports)
        for table, parts in zip(tables, found, strict=True):
            rows = table.counts.reshape(len(table.reports), len(table.labels) * 3)
            totals = times[:, table.reports] @ rows.astype(np.float64)
            parts.append(_figures_of_resamples(totals.reshape(len(times), len(table.labels), 3)))
    return [np.concatenate(parts) for parts in found]


def _draw_times(draw: np.random.Generator, resamples: int, reports: int) -> FloatArray:
    """[resamples, reports]: how often each report is in each resample."""
    drawn = draw.integers(0, reports, (resamples, reports))
    places = drawn + reports * np.arange(resamples)[:, None]
    times = np.bincount(places.ravel(), minlength=resamples * reports)
    return times.reshape(resamples, reports).astype(np.float64)


def _figures_of_resamples(totals: FloatArray) -> FloatArray:
    figures = totals_to_figures(totals)
    held = totals[..., 1:].any(-1)
    any_held = held.any(-1, keepdims=True)
    figures[~np.concatenate([held, any_held, any_held], axis=-1)] = np.nan
    return figures


def find_intervals(figures: FloatArray, holders: IntArray, level: float) -> FloatArray:
    """[rows, 3, 2]: low and high ends of what `figures` [resamples, rows, 3] hold.

    `holders` [rows] are the reports behind each row. NaN where there is nothing to say: for one
    report, and where all resamples give the same figure, as they do when all spans are right;
    errors that did not happen cannot be drawn.
    """
    tail = ndtr(_expanded_quantile(holders, (1 - level) / 2))
    ordered = np.sort(figures, axis=0)  # NaN comes last
    last = np.maximum((~np.isnan(figures)).sum(0) - 1, 0)
    ends = np.stack([_at(ordered, tail[:, None] * last), _at(ordered, (1 - tail[:, None]) * last)])
    unknown = (holders < 2)[:, None] | (ends[0] == ends[1])
    ends[:, unknown] = np.nan
    return np.moveaxis(ends, 0, -1)


def _expanded_quantile(holders: IntArray, tail: float) -> FloatArray:
    """Student's quantile of each row, wider by what resamples of few reports vary too little."""
    freedom = np.maximum(holders - 1, 1)
    quantile: FloatArray = stdtrit(freedom, tail) * np.sqrt((freedom + 1) / freedom)
    return quantile


def _at(ordered: FloatArray, places: FloatArray) -> FloatArray:
    """Values at fractional `places` [rows, 3] of `ordered` [resamples, rows, 3]."""
    low = np.floor(places).astype(np.int64)
    high = np.ceil(places).astype(np.int64)
    below = np.take_along_axis(ordered, low[None], 0)[0]
    above = np.take_along_axis(ordered, high[None], 0)[0]
    values: FloatArray = below + (places - low) * (above - below)
    return values


def find_p_values(differences: FloatArray, observed: FloatArray, holders: IntArray) -> FloatArray:
    """Two-sided p-values [rows, 3] of `observed` differences, from those of the resamples.

    The share of resamples that lie as far from what was observed as that lies from 0 (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, ch. 16), the observed one counted with them.
    Their distances are widened as a 95 % interval is. NaN where fewer than two reports hold spans.
    """
    widening = (_expanded_quantile(holders, 0.025) / ndtri(0.025))[:, None]
    known = ~np.isnan(differences)
    # A resample with just the observed difference must not be lost to rounding.
    beyond = np.abs(differences - observed) * widening >= np.abs(observed) - 1e-12
    p_values: FloatArray = (1 + (beyond & known).sum(0)) / (1 + known.sum(0))
    p_values[holders < 2] = np.nan
    return p_values

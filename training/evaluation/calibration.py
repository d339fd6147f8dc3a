"""Whether span scores mean what they say: calibration error, reliability, risk and coverage.

A score is taken as the probability that the span is strictly right. What concerns spans that were
not predicted is not asked here: a score exists only for a prediction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotation.report import Span
from annotation.scoring import FloatArray

BINS = 10
POINTS = 200
"""At most so many points of a risk-coverage curve are kept, evenly over the coverage."""


@dataclass(frozen=True, slots=True)
class ScoredSpans:
    """Predicted spans by their score, and whether each is strictly right."""

    scores: FloatArray
    right: npt.NDArray[np.bool_]
    unscored: int = 0
    """Predicted spans without a score, or with one that is no probability; not among these."""


def collect_scores(pairs: Iterable[tuple[Sequence[Span], Sequence[Span]]]) -> ScoredSpans:
    """The scored spans of (gold, predicted) spans, a pair a report."""
    wanted = ((set(gold), predicted) for gold, predicted in pairs)
    found = [(span.score, span in gold) for gold, predicted in wanted for span in predicted]
    usable = [(score, right) for score, right in found if score is not None and 0 <= score <= 1]
    return ScoredSpans(
        np.array([score for score, _ in usable], np.float64),
        np.array([right for _, right in usable], np.bool_),
        len(found) - len(usable),
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Spans whose scores lie in [low, high), in the last bin [low, high]."""

    low: float
    high: float
    spans: int
    mean_score: float | None
    precision: float | None
    """The share that is right; None, as the mean score, where there is no span."""


def find_reliability(spans: ScoredSpans, bins: int = BINS) -> list[Bin]:
    """The reliability diagram in numbers: bins of equal width."""
    places = np.minimum((spans.scores * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    scores = np.bincount(places, spans.scores, bins)
    right = np.bincount(places, spans.right, bins)
    return [
        Bin(
            i / bins,
            (i + 1) / bins,
            int(counts[i]),
            float(scores[i] / counts[i]) if counts[i] else None,
            float(right[i] / counts[i]) if counts[i] else None,
        )
        for i in range(bins)
    ]


def calibration_error(reliability: Sequence[Bin]) -> float | None:
    """The expected calibration error: |precision − mean score| of the bins, weighted by spans.

    (Naeini, Cooper, Hauskrecht, AAAI 2015.) None without spans.
    """
    gaps = [
        (one.spans, abs(one.precision - one.mean_score))
        for one in reliability
        if one.precision is not None and one.mean_score is not None
    ]
    total = sum(spans for spans, _ in gaps)
    return sum(spans * gap for spans, gap in gaps) / total if total else None


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What comes of keeping the spans with at least this score."""

    score: float
    coverage: float
    """The share of the predicted spans that is kept."""
    risk: float
    """The share of the kept ones that is wrong: 1 − precision."""


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve, by rising coverage, and the area under it (lower is better)."""

    points: list[RiskPoint]
    area: float | None
    """The mean risk over all coverages 1/n … n/n; None without spans."""


def find_risk_coverage(spans: ScoredSpans, points: int = POINTS) -> RiskCoverage:
    """Spans of one score are kept together: nothing tells which of them comes first."""
    count = len(spans.scores)
    if not count:
        return RiskCoverage([], None)
    order = np.argsort(-spans.scores, kind="stable")
    scores, wrong = spans.scores[order], ~spans.right[order]
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    sizes = np.diff(ends, prepend=-1)
    wrong_of_tie = np.diff(np.cumsum(wrong)[ends], prepend=0)
    # In a random order of equal scores each place is as likely wrong as the others.
    expected = np.repeat(wrong_of_tie / sizes, sizes)
    risk = np.cumsum(expected) / np.arange(1, count + 1)
    if len(ends) > points:
        wanted = np.linspace(ends[0], count - 1, points)
        ends = np.unique(ends[np.searchsorted(ends, wanted.round().astype(np.int64))])
    kept = [RiskPoint(float(scores[end]), (int(end) + 1) / count, float(risk[end])) for end in ends]
    return RiskCoverage(kept, float(risk.mean()))


def calibration_to_json(spans: ScoredSpans) -> dict[str, Any]:
    """What `evaluation.json` says of span scores; null where no span carries one."""
    reliability = find_reliability(spans)
    curve = find_risk_coverage(spans)
    return {
        "expected_calibration_error": calibration_error(reliability),
        "spans": len(spans.scores),
        "unscored": spans.unscored,
        "reliability": [
            {
                "low": one.low,
                "high": one.high,
                "spans": one.spans,
                "mean_score": one.mean_score,
                "precision": one.precision,
            }
            for one in reliability
        ],
        "risk_coverage": {
            "area": curve.area,
            "points": [
                {"score": point.score, "coverage": point.coverage, "risk": point.risk}
                for point in curve.points
            ],
        },
    }

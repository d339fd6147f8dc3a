"""The curves as shapes: figures from 0 to 1 laid out on the page's drawing area."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 380.0, 300.0
"""Of the drawing, in its own units; the page scales it."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 368.0, 12.0, 252.0
_LARGEST_POINT = 9.0
_SMALLEST_POINT = 2.5


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the drawing and the number at its end."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """A dot, and what it says."""

    x: float
    y: float
    radius: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of `WIDTH` × `HEIGHT`."""

    across: list[Tick]
    upward: list[Tick]
    line: str
    """The `points` of a polyline."""
    area: str
    """Those of the polygon under it; empty where there is none."""
    points: list[Point]

    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM
    width: float = WIDTH
    height: float = HEIGHT


def reliability_chart(bins: Sequence[Mapping[str, Any]]) -> Chart:
    """Precision over mean score, a dot a bin, the larger the more spans; see `find_reliability`."""
    held = [one for one in bins if one["spans"]]
    most = max((one["spans"] for one in held), default=1)
    points = [
        Point(
            _across(one["mean_score"]),
            _upward(one["precision"], 1),
            # Areas, not radii, stand for the number of spans.
            max(_SMALLEST_POINT, round(_LARGEST_POINT * math.sqrt(one["spans"] / most), 2)),
            f"scores {one['low']:.1f}–{one['high']:.1f}: {one['spans']:,} spans, "
            f"mean score {one['mean_score']:.3f}, precision {one['precision']:.3f}",
        )
        for one in held
    ]
    return Chart(_across_ticks(), _upward_ticks(1), _joined(points), "", points)


def risk_chart(points: Sequence[Mapping[str, Any]]) -> Chart:
    """Risk over coverage, as high as the greatest risk asks for; see `find_risk_coverage`."""
    ceiling = _ceiling(max((point["risk"] for point in points), default=0))
    dots = [
        Point(
            _across(point["coverage"]),
            _upward(point["risk"], ceiling),
            0,
            f"coverage {point['coverage']:.3f}, risk {point['risk']:.3f}, "
            f"score from {point['score']:.3f}",
        )
        for point in points
    ]
    line = _joined(dots)
    area = f"{dots[0].x},{_BOTTOM} {line} {dots[-1].x},{_BOTTOM}" if dots else ""
    return Chart(_across_ticks(), _upward_ticks(ceiling), line, area, [])


def _ceiling(highest: float) -> float:
    """The next of 0.1, 0.2, 0.4, 0.6, 0.8 and 1: each has four even parts to be marked."""
    return next(step for step in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if highest <= step or step == 1)


def _across(value: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * value, 2)


def _upward(value: float, ceiling: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * value / ceiling, 2)


def _across_ticks() -> list[Tick]:
    return [Tick(_across(part / 4), f"{part / 4:g}") for part in range(5)]


def _upward_ticks(ceiling: float) -> list[Tick]:
    return [Tick(_upward(ceiling * p / 4, ceiling), f"{ceiling * p / 4:g}") for p in range(5)]


def _joined(points: Sequence[Point]) -> str:
    return " ".join(f"{point.x},{point.y}" for point in points)

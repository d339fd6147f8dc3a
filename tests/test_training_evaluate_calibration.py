import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.report import Report, Span
from training.evaluate import evaluate
from training.evaluation.calibration import (
    Bin,
    ScoredSpans,
    calibration_error,
    calibration_to_json,
    collect_scores,
    find_reliability,
    find_risk_coverage,
)


def scored(*spans: tuple[float, bool]) -> ScoredSpans:
    return ScoredSpans(
        np.array([score for score, _ in spans]), np.array([right for _, right in spans], bool)
    )


def test_a_span_is_right_when_edges_and_label_are_and_needs_a_score_that_is_a_probability() -> None:
    gold = [Span(0, 4, "ACTOR"), Span(5, 9, "LOCATION")]
    found = [
        Span(0, 4, "ACTOR", 0.9),
        Span(5, 9, "ACTOR", 0.8),
        Span(10, 12, "COUNT", 0.0),
        Span(13, 14, "COUNT", None),
        Span(15, 16, "COUNT", 1.5),
        Span(17, 18, "COUNT", -0.1),
    ]
    collected = collect_scores([(gold, found), ([Span(0, 1, "COUNT")], [Span(0, 1, "COUNT", 1.0)])])
    assert collected.scores.tolist() == [0.9, 0.8, 0.0, 1.0]
    assert collected.right.tolist() == [True, False, False, True]
    assert collected.unscored == 3


def test_reliability_and_calibration_error_by_hand() -> None:
    spans = scored(
        (0.0, False), (0.05, True), (0.9, True), (0.95, True), (0.99, False), (1.0, True)
    )
    bins = find_reliability(spans)
    assert len(bins) == 10
    assert bins[0] == Bin(0.0, 0.1, 2, pytest.approx(0.025), 0.5)
    # The last bin holds 1.0 too.
    assert bins[9] == Bin(0.9, 1.0, 4, pytest.approx(0.96), 0.75)
    assert all(one.spans == 0 and one.mean_score is one.precision is None for one in bins[1:9])
    expected = (2 * abs(0.5 - 0.025) + 4 * abs(0.75 - 0.96)) / 6
    assert calibration_error(bins) == pytest.approx(expected)


def test_scores_that_mean_what_they_say_have_no_calibration_error() -> None:
    spans = scored(*[(0.75, number < 3) for number in range(4)], *[(1.0, True)] * 5)
    assert calibration_error(find_reliability(spans)) == 0


def test_risk_rises_with_coverage_where_scores_know_what_is_wrong() -> None:
    spans = scored((0.5, False), (0.9, True), (0.8, True), (0.6, False))
    curve = find_risk_coverage(spans)
    assert [(p.score, p.coverage, p.risk) for p in curve.points] == [
        (0.9, 0.25, 0),
        (0.8, 0.5, 0),
        (0.6, 0.75, pytest.approx(1 / 3)),
        (0.5, 1.0, 0.5),
    ]
    assert curve.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_equal_scores_are_kept_together_whatever_their_order() -> None:
    one = scored((0.9, True), (0.7, True), (0.7, False), (0.7, False))
    other = scored((0.7, False), (0.7, False), (0.9, True), (0.7, True))
    curve = find_risk_coverage(one)
    assert curve == find_risk_coverage(other)
    assert [(p.coverage, p.risk) for p in curve.points] == [(0.25, 0), (1.0, 0.5)]
    # Within the tie each place is wrong with 2/3: risks 0, 1/3, 4/9, 1/2.
    assert curve.area == pytest.approx((0 + 1 / 3 + 4 / 9 + 1 / 2) / 4)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    draw = np.random.default_rng(3)
    scores = draw.random(5000)
    spans = ScoredSpans(scores, draw.random(5000) < scores)
    curve = find_risk_coverage(spans)
    assert 150 < len(curve.points) <= 200
    assert curve.points[0].coverage == 1 / 5000
    assert curve.points[-1].coverage == 1
    assert curve.points[-1].risk == pytest.approx(1 - spans.right.mean())
    coverages = [point.coverage for point in curve.points]
    assert coverages == sorted(set(coverages))
    assert calibration_error(find_reliability(spans)) < 0.03, "made to be calibrated"


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_bins_hold_every_span_and_the_error_is_at_most_one(spans: list[tuple[float, bool]]) -> None:
    bins = find_reliability(scored(*spans))
    assert sum(one.spans for one in bins) == len(spans)
    error = calibration_error(bins)
    assert error is not None
    assert 0 <= error <= 1
    for one in bins:
        assert one.mean_score is None or one.low - 1e-9 <= one.mean_score <= one.high + 1e-9


def test_without_a_score_there_is_no_calibration_and_that_is_said() -> None:
    report = Report("a", "وزارة الصحة", (Span(0, 11, "ACTOR"),))
    evaluation = evaluate([report, Report("b", "لا شيء", ())], {"a": report.spans or (), "b": ()})
    told = evaluation.to_json()["calibration"]
    assert (told["expected_calibration_error"], told["spans"], told["unscored"]) == (None, 0, 1)
    assert told["risk_coverage"] == {"area": None, "points": []}
    assert "calibration error: none, no predicted span carries a score from 0 to 1" in (
        evaluation.remarks()
    )


def test_spans_without_a_score_are_left_out_and_counted() -> None:
    spans = (Span(0, 5, "ACTOR", 0.5), Span(6, 11, "ACTOR"))
    evaluation = evaluate([Report("a", "وزارة الصحة", spans)], {"a": spans})
    [line] = [line for line in evaluation.remarks() if line.startswith("calibration error")]
    assert line == (
        "calibration error of the scores of 1 spans: 0.5000 "
        "(1 without a score from 0 to 1 left out)"
    )


def test_the_curves_are_json() -> None:
    told = calibration_to_json(scored((0.9, True), (0.2, False)))
    assert json.loads(json.dumps(told)) == told
    assert told["reliability"][9] == {
        "low": 0.9,
        "high": 1.0,
        "spans": 1,
        "mean_score": 0.9,
        "precision": 1.0,
    }
    assert told["risk_coverage"]["points"][1] == {"score": 0.2, "coverage": 1.0, "risk": 0.5}

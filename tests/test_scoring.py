from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.report import Span
from annotation.scoring import (
    ANY_LABEL,
    MODES,
    Counts,
    Scores,
    count_overlaps,
    count_report,
    counts_to_figures,
    macro_figures,
    pair_overlapping,
    score_reports,
)

ACTOR, PLACE, COUNT = "ACTOR", "LOCATION", "COUNT"


def spans(*places: tuple[int, int, str]) -> list[Span]:
    return [Span(*place) for place in places]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([], [], {}),
        ([(0, 4, ACTOR)], [(0, 4, ACTOR)], {ACTOR: Counts(1, 1, 1)}),
        ([(0, 4, ACTOR)], [], {ACTOR: Counts(0, 0, 1)}),
        ([], [(0, 4, ACTOR)], {ACTOR: Counts(0, 1, 0)}),
        # one character off at either end is wrong
        ([(0, 4, ACTOR)], [(0, 5, ACTOR)], {ACTOR: Counts(0, 1, 1)}),
        ([(1, 4, ACTOR)], [(0, 4, ACTOR)], {ACTOR: Counts(0, 1, 1)}),
        # the right place with another label is wrong for both
        ([(0, 4, ACTOR)], [(0, 4, PLACE)], {ACTOR: Counts(0, 0, 1), PLACE: Counts(0, 1, 0)}),
        # one span cut in two
        ([(0, 9, ACTOR)], [(0, 4, ACTOR), (5, 9, ACTOR)], {ACTOR: Counts(0, 2, 1)}),
        # two spans run into one
        ([(0, 4, ACTOR), (5, 9, ACTOR)], [(0, 9, ACTOR)], {ACTOR: Counts(0, 1, 2)}),
        # the same prediction twice is one prediction
        ([(0, 4, ACTOR)], [(0, 4, ACTOR), (0, 4, ACTOR)], {ACTOR: Counts(1, 1, 1)}),
        # the order does not matter
        (
            [(0, 4, ACTOR), (5, 9, PLACE)],
            [(5, 9, PLACE), (0, 4, ACTOR)],
            {ACTOR: Counts(1, 1, 1), PLACE: Counts(1, 1, 1)},
        ),
        (
            [(0, 4, ACTOR), (5, 9, PLACE), (10, 12, COUNT), (13, 15, COUNT)],
            [(0, 4, ACTOR), (5, 9, COUNT), (10, 12, COUNT), (20, 22, COUNT)],
            {ACTOR: Counts(1, 1, 1), COUNT: Counts(1, 3, 2), PLACE: Counts(0, 0, 1)},
        ),
    ],
)
def test_spans_of_a_report_are_counted_strictly(
    gold: list, predicted: list, expected: dict[str, Counts]
) -> None:
    assert count_report(spans(*gold), spans(*predicted)) == expected


def test_scores_and_further_keys_of_spans_do_not_matter() -> None:
    found = Span(0, 4, ACTOR, score=0.3, fields={"id": "x"})
    assert count_report([Span(0, 4, ACTOR)], [found]) == {ACTOR: Counts(1, 1, 1)}


def test_a_span_of_one_report_never_matches_one_of_another() -> None:
    scores = score_reports([(spans((0, 4, ACTOR)), []), ([], spans((0, 4, ACTOR)))])
    assert scores.labels == {ACTOR: Counts(0, 1, 1)}


def test_reports_add_up_to_micro_and_macro_figures() -> None:
    scores = score_reports(
        [
            (spans((0, 4, ACTOR), (5, 9, PLACE)), spans((0, 4, ACTOR), (5, 9, ACTOR))),
            (spans((0, 4, ACTOR), (5, 9, ACTOR)), spans((0, 4, ACTOR))),
            (spans((3, 6, PLACE)), spans((3, 6, PLACE), (7, 8, PLACE))),
        ]
    )
    assert scores.labels == {ACTOR: Counts(2, 3, 3), PLACE: Counts(1, 2, 2)}
    assert scores.micro == Counts(3, 5, 5)
    assert (scores.micro.precision, scores.micro.recall, scores.micro.f1) == (0.6, 0.6, 0.6)
    expected = (2 / 3 + 1 / 2) / 2
    assert scores.macro() == pytest.approx(
        {"precision": expected, "recall": expected, "f1": expected}
    )


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        (Counts(), 0, 0, 0),
        (Counts(0, 0, 3), 0, 0, 0),
        (Counts(0, 3, 0), 0, 0, 0),
        (Counts(0, 3, 3), 0, 0, 0),
        (Counts(3, 3, 3), 1, 1, 1),
        (Counts(3, 4, 8), 0.75, 0.375, 0.5),
        (Counts(2, 8, 2), 0.25, 1, 0.4),
    ],
)
def test_figures_follow_from_counts(
    counts: Counts, precision: float, recall: float, f1: float
) -> None:
    assert (counts.precision, counts.recall, counts.f1) == (precision, recall, f1)
    if precision + recall:
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert counts.to_json() == {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": counts.gold,
        "predicted": counts.predicted,
        "matched": counts.matched,
    }


def test_named_labels_come_first_and_are_there_without_spans() -> None:
    pairs = [(spans((0, 4, "NEW")), spans((0, 4, "NEW")))]
    scores = score_reports(pairs, [PLACE, ACTOR])
    assert list(scores.labels) == [PLACE, ACTOR, "NEW"]
    assert scores.labels[PLACE] == Counts()


def test_a_label_that_neither_gold_nor_predictions_hold_is_not_averaged() -> None:
    """Else the same predictions had two macro figures, with and without the model's label list."""
    pairs = [(spans((0, 4, ACTOR)), spans((0, 4, ACTOR)))]
    assert score_reports(pairs, [ACTOR, PLACE]).macro() == score_reports(pairs).macro()
    assert score_reports(pairs, [ACTOR, PLACE]).macro()["f1"] == 1


def test_nothing_at_all_scores_zero() -> None:
    scores = score_reports([([], [])], [ACTOR])
    assert scores.micro == Counts()
    assert scores.macro() == {"precision": 0, "recall": 0, "f1": 0}


# By overlap


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([], [], {}),
        ([(0, 4, ACTOR)], [(0, 4, ACTOR)], {ACTOR: Counts(1, 1, 1)}),
        # one character in common is enough, none is not
        ([(0, 4, ACTOR)], [(3, 9, ACTOR)], {ACTOR: Counts(1, 1, 1)}),
        ([(0, 4, ACTOR)], [(4, 9, ACTOR)], {ACTOR: Counts(0, 1, 1)}),
        # but the label has to be the same
        ([(0, 4, ACTOR)], [(0, 4, PLACE)], {ACTOR: Counts(0, 0, 1), PLACE: Counts(0, 1, 0)}),
        # a span cut in two makes one of the two right
        ([(0, 9, ACTOR)], [(0, 4, ACTOR), (5, 9, ACTOR)], {ACTOR: Counts(1, 2, 1)}),
        ([(0, 4, ACTOR), (5, 9, ACTOR)], [(0, 9, ACTOR)], {ACTOR: Counts(1, 1, 2)}),
        # shifted along: each has a partner of its own
        (
            [(0, 4, ACTOR), (5, 9, ACTOR)],
            [(3, 6, ACTOR), (8, 12, ACTOR)],
            {ACTOR: Counts(2, 2, 2)},
        ),
        # neither the order nor a repetition matters
        (
            [(5, 9, PLACE), (0, 4, ACTOR)],
            [(0, 2, ACTOR), (6, 7, PLACE), (0, 2, ACTOR)],
            {ACTOR: Counts(1, 1, 1), PLACE: Counts(1, 1, 1)},
        ),
    ],
)
def test_spans_of_a_report_are_counted_by_overlap(
    gold: list, predicted: list, expected: dict[str, Counts]
) -> None:
    assert count_overlaps(spans(*gold), spans(*predicted)) == expected


def most_pairs(ones: list[Span], others: list[Span]) -> int:
    """By trying all ways to pair them."""
    if not ones:
        return 0
    first, *rest = ones
    best = most_pairs(rest, others)
    for i, other in enumerate(others):
        if first.start < other.end and other.start < first.end:
            best = max(best, 1 + most_pairs(rest, others[:i] + others[i + 1 :]))
    return best


cuts = st.lists(st.integers(0, 24), max_size=12, unique=True).map(
    lambda edges: [
        Span(start, end, ACTOR)
        for start, end in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)


@given(cuts, cuts)
def test_no_other_pairing_makes_more_spans_right(gold: list[Span], predicted: list[Span]) -> None:
    counts = Scores(count_overlaps(gold, predicted)).micro
    assert counts == Counts(most_pairs(gold, predicted), len(predicted), len(gold))


def test_scores_by_overlap_are_counted_so_and_add_up() -> None:
    pairs = [(spans((0, 4, ACTOR), (5, 9, PLACE)), spans((0, 3, ACTOR)))]
    scores = score_reports(pairs, [COUNT], count_overlaps)
    assert scores.labels == {COUNT: Counts(), ACTOR: Counts(1, 1, 1), PLACE: Counts(0, 0, 1)}
    assert (scores + scores).labels[ACTOR] == Counts(2, 2, 2)
    assert scores.turned().labels[PLACE] == Counts(0, 1, 0)


# With the label or without, by edges or by overlap


@pytest.mark.parametrize(
    ("gold", "predicted", "strict", "boundary", "type_only", "overlap"),
    [
        # right
        ([(0, 4, ACTOR)], [(0, 4, ACTOR)], 1, 1, 1, 1),
        # wrong in one thing, in the other, in both, in all
        ([(0, 4, ACTOR)], [(0, 4, PLACE)], 0, 1, 0, 1),
        ([(0, 4, ACTOR)], [(0, 5, ACTOR)], 0, 0, 1, 1),
        ([(0, 4, ACTOR)], [(3, 9, PLACE)], 0, 0, 0, 1),
        ([(0, 4, ACTOR)], [(4, 9, ACTOR)], 0, 0, 0, 0),
        # one gold span makes one predicted span right, whatever it needs
        ([(0, 9, ACTOR)], [(0, 4, ACTOR), (5, 9, PLACE)], 0, 0, 1, 1),
        ([(0, 4, ACTOR), (5, 9, PLACE)], [(0, 9, PLACE)], 0, 0, 1, 1),
        # exchanged labels
        ([(0, 4, ACTOR), (5, 9, PLACE)], [(0, 4, PLACE), (5, 9, ACTOR)], 0, 2, 0, 2),
        # shifted along, the labels with it: each has a partner, of the wrong label
        ([(0, 4, ACTOR), (5, 9, PLACE)], [(3, 6, PLACE), (8, 12, ACTOR)], 0, 0, 1, 2),
        # the same prediction twice is one
        ([(0, 4, ACTOR)], [(0, 4, ACTOR), (0, 4, ACTOR)], 1, 1, 1, 1),
        ([(0, 4, ACTOR)], [], 0, 0, 0, 0),
        ([], [], 0, 0, 0, 0),
    ],
)
def test_each_mode_asks_for_just_what_it_says(
    gold: list, predicted: list, strict: int, boundary: int, type_only: int, overlap: int
) -> None:
    found = {
        mode: Scores(dict(count(spans(*gold), spans(*predicted)))).micro
        for mode, count in MODES.items()
    }
    matched = {
        "strict": strict,
        "boundary": boundary,
        "type_only": type_only,
        "overlap": overlap,
    }
    there = len(set(predicted)), len(gold)
    assert found == {mode: Counts(count, *there) for mode, count in matched.items()}


def test_labels_that_do_not_matter_are_counted_as_one() -> None:
    counts = MODES["boundary"](spans((0, 4, ACTOR), (5, 9, PLACE)), spans((0, 4, COUNT)))
    assert counts == {ANY_LABEL: Counts(1, 1, 2)}


labelled = st.tuples(cuts, st.lists(st.sampled_from([ACTOR, PLACE]), min_size=6, max_size=6)).map(
    lambda drawn: [
        Span(span.start, span.end, label) for span, label in zip(drawn[0], drawn[1], strict=False)
    ]
)


@given(labelled, labelled)
def test_whoever_asks_for_less_counts_as_many_or_more(
    gold: list[Span], predicted: list[Span]
) -> None:
    matched = {
        mode: Scores(dict(count(gold, predicted))).micro.matched for mode, count in MODES.items()
    }
    assert matched["strict"] <= min(matched["boundary"], matched["type_only"])
    assert max(matched["boundary"], matched["type_only"]) <= matched["overlap"]
    assert matched["overlap"] == most_pairs(gold, predicted)


def test_pairs_that_overlap_are_told_from_left_to_right() -> None:
    gold = spans((0, 4, ACTOR), (5, 9, ACTOR), (12, 14, ACTOR))
    predicted = spans((3, 6, PLACE), (8, 13, ACTOR), (13, 20, COUNT))
    pairs = [(one.start, other.start) for one, other in pair_overlapping(gold, predicted)]
    assert pairs == [(0, 3), (5, 8), (12, 13)]


def test_figures_of_many_counts_at_once_are_those_of_each() -> None:
    counts = [Counts(), Counts(0, 0, 3), Counts(0, 3, 0), Counts(3, 4, 8), Counts(3, 3, 3)]
    figures = counts_to_figures([[astuple(one) for one in counts]])
    assert figures.shape == (1, 5, 3)
    assert figures[0].tolist() == [[one.precision, one.recall, one.f1] for one in counts]
    assert figures[0][3].tolist() == [0.75, 0.375, 0.5]


def test_macro_figures_at_once_leave_out_labels_that_are_not_met() -> None:
    counts = [[[3, 3, 3], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]], [[3, 4, 8], [0, 1, 0]]]
    assert macro_figures(counts).tolist() == [
        [1, 1, 1],
        [0, 0, 0],
        [0.375, 0.1875, 0.25],
    ]

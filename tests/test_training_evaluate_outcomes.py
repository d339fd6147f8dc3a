import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.report import Span
from annotation.scoring import MODES, Scores
from training.evaluation.outcomes import (
    OUTCOME_CLASSES,
    Outcome,
    classify_spans,
    count_outcomes,
)

ACTOR, PLACE, COUNT = "ACTOR", "LOCATION", "COUNT"
A, B, C = Span(0, 4, ACTOR), Span(5, 9, PLACE), Span(10, 12, COUNT)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([], [], []),
        ([A], [A], [("right", A, A)]),
        ([A], [], [("missed", A, None)]),
        ([], [A], [("spurious", None, A)]),
        ([A], [Span(0, 4, PLACE)], [("label", A, Span(0, 4, PLACE))]),
        ([A], [Span(0, 9, ACTOR)], [("boundary", A, Span(0, 9, ACTOR))]),
        ([A], [Span(3, 9, PLACE)], [("both", A, Span(3, 9, PLACE))]),
        # touching is not overlapping
        ([A], [Span(4, 9, ACTOR)], [("missed", A, None), ("spurious", None, Span(4, 9, ACTOR))]),
        # one span cut in two: one part is its partner, the other is spurious
        (
            [Span(0, 9, ACTOR)],
            [A, Span(5, 9, ACTOR)],
            [("boundary", Span(0, 9, ACTOR), A), ("spurious", None, Span(5, 9, ACTOR))],
        ),
        # the part with the right label is the partner, though it comes second
        (
            [Span(0, 9, ACTOR)],
            [Span(0, 4, PLACE), Span(5, 9, ACTOR)],
            [
                ("boundary", Span(0, 9, ACTOR), Span(5, 9, ACTOR)),
                ("spurious", None, Span(0, 4, PLACE)),
            ],
        ),
        # two spans run into one: the first of its label is the partner
        (
            [A, B],
            [Span(0, 9, PLACE)],
            [("boundary", B, Span(0, 9, PLACE)), ("missed", A, None)],
        ),
        # all classes at once, from left to right, whatever the order of the input
        (
            [Span(60, 65, ACTOR), A, B, C, Span(20, 25, PLACE), Span(30, 35, COUNT)],
            [Span(50, 55, ACTOR), Span(31, 38, ACTOR), Span(20, 29, PLACE), A, Span(5, 9, COUNT)],
            [
                ("right", A, A),
                ("label", B, Span(5, 9, COUNT)),
                ("missed", C, None),
                ("boundary", Span(20, 25, PLACE), Span(20, 29, PLACE)),
                ("both", Span(30, 35, COUNT), Span(31, 38, ACTOR)),
                ("spurious", None, Span(50, 55, ACTOR)),
                ("missed", Span(60, 65, ACTOR), None),
            ],
        ),
    ],
)
def test_each_span_is_in_one_outcome_of_the_right_class(
    gold: list[Span], predicted: list[Span], expected: list
) -> None:
    assert classify_spans(gold, predicted) == [Outcome(*one) for one in expected]


def test_outcomes_keep_the_scores_of_the_predictions() -> None:
    [outcome] = classify_spans([A], [Span(0, 4, ACTOR, score=0.25)])
    assert outcome.predicted is not None
    assert outcome.predicted.score == 0.25


def test_classes_are_counted_even_where_there_is_none() -> None:
    outcomes = classify_spans([A, B], [A, Span(5, 9, COUNT), C])
    assert count_outcomes(outcomes) == {
        "right": 1,
        "missed": 0,
        "spurious": 1,
        "boundary": 0,
        "label": 1,
        "both": 0,
    }
    assert tuple(count_outcomes([])) == OUTCOME_CLASSES


sides = st.tuples(
    st.lists(st.integers(0, 30), max_size=14, unique=True),
    st.lists(st.sampled_from([ACTOR, PLACE, COUNT]), min_size=7, max_size=7),
).map(
    lambda drawn: [
        Span(start, end, label)
        for start, end, label in zip(
            sorted(drawn[0])[::2], sorted(drawn[0])[1::2], drawn[1], strict=False
        )
    ]
)


@given(sides, sides)
def test_scores_follow_from_the_classes_and_no_span_is_lost(
    gold: list[Span], predicted: list[Span]
) -> None:
    outcomes = classify_spans(gold, predicted)
    assert sorted(o.gold for o in outcomes if o.gold is not None) == sorted(gold)
    assert sorted(o.predicted for o in outcomes if o.predicted is not None) == sorted(predicted)
    counts = count_outcomes(outcomes)
    matched = {
        mode: Scores(dict(count(gold, predicted))).micro.matched for mode, count in MODES.items()
    }
    assert matched["strict"] == counts["right"]
    assert matched["boundary"] == counts["right"] + counts["label"]
    assert matched["type_only"] == counts["right"] + counts["boundary"]
    paired = counts["right"] + counts["label"] + counts["boundary"] + counts["both"]
    # A partner of the same label goes before the most pairs.
    assert max(matched["boundary"], matched["type_only"]) <= paired <= matched["overlap"]

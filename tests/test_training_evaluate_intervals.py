import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.report import Report, Span
from annotation.scoring import Counts, Scores
from training.evaluate import evaluate
from training.evaluation.bootstrap import (
    CountTable,
    Resampling,
    find_intervals,
    find_p_values,
    resample_figures,
)
from training.evaluation.figures import measure

TEXT = "أعلنت وزارة الصحة مقتل 12 مدنيا"
ACTOR, COUNT = Span(6, 17, "ACTOR"), Span(23, 25, "COUNT")
MANY = 10**6

counts = st.builds(
    lambda matched, wrong, missed: Counts(matched, matched + wrong, matched + missed),
    *[st.integers(0, 5)] * 3,
)
tables = st.lists(st.dictionaries(st.sampled_from("ab"), counts), min_size=1, max_size=6).map(
    lambda reports: CountTable.of(dict(enumerate(reports)), ["a", "b"])
)


def table(*reports: Counts) -> CountTable:
    """Of one label, a report each."""
    return CountTable.of({number: {"ACTOR": one} for number, one in enumerate(reports)})


# Counts of reports


def test_a_table_holds_the_reports_that_have_spans_and_sums_them() -> None:
    reports = {
        0: {"ACTOR": Counts(1, 2, 3)},
        1: {},
        2: {"ACTOR": Counts(0, 1, 0), "COUNT": Counts(2, 2, 2)},
        3: {"COUNT": Counts()},
    }
    made = CountTable.of(reports, ["WEAPON", "ACTOR"])
    assert made.labels == ("WEAPON", "ACTOR", "COUNT")
    assert made.reports.tolist() == [0, 2]
    assert made.counts.tolist() == [
        [[0, 0, 0], [1, 2, 3], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 0], [2, 2, 2]],
    ]
    assert made.scores.labels == {
        "WEAPON": Counts(),
        "ACTOR": Counts(1, 3, 3),
        "COUNT": Counts(2, 2, 2),
    }
    # of WEAPON, ACTOR and COUNT, and of any of them for micro and macro
    assert made.holders.tolist() == [0, 2, 1, 2, 2]


@given(tables)
def test_figures_of_a_table_are_those_of_its_scores(one: CountTable) -> None:
    scores: Scores = one.scores
    rows = [*scores.labels.values(), scores.micro]
    expected = [[row.precision, row.recall, row.f1] for row in rows]
    assert one.figures.tolist()[:-1] == expected
    assert one.figures.tolist()[-1] == list(scores.macro().values())


def test_keeping_some_reports_numbers_them_anew() -> None:
    full = table(Counts(1, 1, 1), Counts(), Counts(0, 2, 1), Counts(3, 3, 3))
    kept = full.keep([1, 2, 3])
    assert kept.reports.tolist() == [1, 2]
    assert kept.counts.tolist() == [[[0, 2, 1]], [[3, 3, 3]]]
    assert full.keep([1]).scores.labels == {"ACTOR": Counts()}


# Resamples


def test_two_reports_come_in_the_four_ways_there_are() -> None:
    [figures] = resample_figures([table(Counts(1, 1, 1), Counts(0, 1, 1))], 2, Resampling(4000))
    assert figures.shape == (4000, 3, 3)
    met = Counter(figures[:, 0, 2].tolist())
    assert set(met) == {0.0, 0.5, 1.0}
    assert met[0.5] == pytest.approx(2000, abs=150)
    assert met[1.0] == pytest.approx(1000, abs=150)
    assert np.array_equal(figures[:, 0], figures[:, 1])
    assert np.array_equal(figures[:, 0], figures[:, 2])


def test_spans_of_one_report_stay_together() -> None:
    """Ten spans right in one report and ten wrong in the other: never five and five."""
    [figures] = resample_figures([table(Counts(10, 10, 10), Counts(0, 10, 10))], 2, Resampling(500))
    assert set(figures[:, 0, 2].tolist()) == {0.0, 0.5, 1.0}


def test_all_tables_go_through_the_same_resamples() -> None:
    one = table(Counts(1, 1, 1), Counts(0, 1, 1), Counts(1, 2, 3))
    reversed_labels = CountTable.of(
        {n: {"COUNT": Counts(), "ACTOR": Counts(*row[0])} for n, row in enumerate(one.counts)}
    )
    first, second, third = resample_figures([one, one, reversed_labels], 3, Resampling(300))
    assert np.array_equal(first, second)
    assert np.array_equal(first[:, 0], third[:, 1])
    assert np.isnan(third[:, 0]).all()


def test_a_resample_without_a_span_of_a_label_says_nothing_of_it() -> None:
    pair = CountTable.of({0: {"ACTOR": Counts(1, 1, 1)}, 1: {"COUNT": Counts(0, 1, 1)}})
    [figures] = resample_figures([pair], 2, Resampling(2000))
    absent = np.isnan(figures).all(-1)
    assert absent[:, 0].mean() == pytest.approx(0.25, abs=0.04)
    assert not (absent[:, 0] & absent[:, 1]).any()
    assert not absent[:, 2:].any()
    # Where only one label is drawn, macro is that label's figure.
    assert set(figures[absent[:, 1], 3, 2].tolist()) == {1.0}
    assert set(figures[absent[:, 0], 3, 2].tolist()) == {0.0}
    assert set(figures[~absent[:, :2].any(1), 3, 2].tolist()) == {0.5}


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    one = table(*[Counts(n % 3, 3, 3) for n in range(20)])
    first, again, other = (
        resample_figures([one], 20, Resampling(50, seed))[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_drawing_in_pieces_draws_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.evaluation.bootstrap._DRAWN_AT_ONCE", 60)
    [figures] = resample_figures([table(Counts(1, 1, 1), Counts(0, 1, 1))], 2, Resampling(100))
    assert figures.shape == (100, 3, 3)
    assert len({tuple(part.ravel()) for part in np.split(figures[:90], 3)}) == 3


# Intervals


def spread(*columns: np.ndarray) -> np.ndarray:
    """[resamples, 1, 3] with these three columns."""
    return np.stack(columns, -1)[:, None, :]


def test_an_interval_of_many_reports_holds_the_middle_95_percent() -> None:
    even = np.arange(2001) / 2000
    shuffled = np.random.default_rng(1).permutation(even)
    figures = spread(shuffled, 2 * even, np.where(even < 0.5, np.nan, even))
    ends = find_intervals(figures, np.array([MANY]), 0.95)
    assert ends[0].tolist() == [
        pytest.approx([0.025, 0.975], abs=1e-4),
        pytest.approx([0.05, 1.95], abs=1e-4),
        # undefined resamples are left out: what is left runs from 0.5 to 1
        pytest.approx([0.5125, 0.9875], abs=1e-4),
    ]


def test_few_reports_make_it_wider_by_students_t_and_their_number() -> None:
    """Five reports: t(0.025; 4) = −2.7764, times √(5/4) is −3.1042, and Φ of that 0.000954."""
    even = np.arange(100_001) / 100_000
    ends = find_intervals(spread(even, even, even), np.array([5]), 0.95)
    assert ends[0, 0].tolist() == pytest.approx([0.000954, 1 - 0.000954], abs=2e-6)


def test_there_is_no_interval_where_there_is_nothing_to_say() -> None:
    even, same, nothing = np.arange(100) / 99, np.ones(100), np.full(100, np.nan)
    figures = spread(even, same, nothing)
    assert np.isnan(find_intervals(figures, np.array([9]), 0.95)[0, 1:]).all()
    assert not np.isnan(find_intervals(figures, np.array([2]), 0.95)[0, 0]).any()
    assert np.isnan(find_intervals(figures, np.array([1]), 0.95)).all()


def test_a_difference_as_far_from_what_was_seen_as_that_is_from_nothing_speaks_against_it() -> None:
    resampled = np.array([0.2, 0.2, 0.4, 0.0, np.nan])
    observed = np.array([[0.2, 0.0, -0.3]])
    differences = spread(resampled, 0 * resampled, resampled - 0.5)
    p_values = find_p_values(differences, observed, np.array([MANY]))
    # Two of four as far away as 0 is; all; two. Undefined ones do not count, the observed one does.
    assert p_values.tolist() == [[3 / 5, 5 / 5, pytest.approx(1 / 5)]]


def test_few_reports_make_chance_differences_greater() -> None:
    """Five reports: distances grow by 3.1042 / 1.96 = 1.58, so that 0.13 away counts as 0.2."""
    resampled, observed = np.array([0.2, 0.33, 0.32, 0.2]), np.array([[0.2, 0.2, 0.2]])
    differences = spread(resampled, resampled, resampled)
    few, many = (find_p_values(differences, observed, np.array([n]))[0, 0] for n in (5, MANY))
    assert (few, many) == (2 / 5, 1 / 5)
    assert np.isnan(find_p_values(differences, observed, np.array([1]))).all()


# In an evaluation


def reports(right: list[bool]) -> tuple[list[Report], dict[str, tuple[Span, ...]]]:
    gold = [Report(f"r{n}", TEXT, (ACTOR, COUNT)) for n in range(len(right))]
    found = {f"r{n}": (ACTOR, COUNT) if good else (ACTOR,) for n, good in enumerate(right)}
    return gold, found


def test_an_evaluation_has_intervals_of_all_three_figures() -> None:
    evaluation = evaluate(*reports([True, False] * 10)).to_json()
    assert evaluation["labels"]["ACTOR"]["interval"] is None, "always right: nothing to draw"
    low, high = evaluation["labels"]["COUNT"]["interval"]
    assert low < 2 / 3 < high
    intervals = evaluation["intervals"]
    assert {key: intervals[key] for key in ("level", "resamples", "seed", "reports")} == {
        "level": 0.95,
        "resamples": 2000,
        "seed": 13,
        "reports": 20,
    }
    assert intervals["labels"]["COUNT"]["precision"] is None
    assert intervals["labels"]["COUNT"]["f1"] == [low, high]
    assert intervals["micro"]["f1"] == evaluation["micro"]["interval"]
    low, high = intervals["macro"]["f1"]
    assert low < (1 + 2 / 3) / 2 < high
    # COUNT is found in half of 20 reports: ±2.09 standard errors of √(0.25 / 19) around 0.5.
    middle = 2.093 * math.sqrt(0.25 / 19)
    assert intervals["labels"]["COUNT"]["recall"] == pytest.approx(
        [0.5 - middle, 0.5 + middle], abs=0.06
    )


def test_one_report_only_has_no_interval_and_that_is_said() -> None:
    evaluation = evaluate(*reports([False]))
    told = evaluation.to_json()
    assert told["micro"]["interval"] is None
    assert told["intervals"]["macro"] == {"precision": None, "recall": None, "f1": None}
    assert told["remarks"][0].startswith("one report only: no intervals")
    assert any("one report only" in line for line in evaluation.remarks())
    assert evaluation.table()[-1].split()[-2:] == ["–", "2"]


def test_measuring_two_tables_gives_what_measuring_each_gives() -> None:
    one, other = table(Counts(1, 1, 1), Counts(0, 1, 1)), table(Counts(1, 1, 1), Counts(1, 1, 2))
    both = measure({"one": one, "other": other}, 2, Resampling(100))
    alone = measure({"other": other}, 2, Resampling(100))
    assert np.array_equal(both["other"].ends, alone["other"].ends, equal_nan=True)
    assert both["one"].scores.micro == Counts(1, 2, 2)

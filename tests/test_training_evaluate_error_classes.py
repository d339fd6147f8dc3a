"""Every class of errors by hand, and that each error is in one of them."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marked import report

from annotation.bundled import HOME
from annotation.formats import write_reports
from annotation.report import Report, Span
from training.__main__ import main
from training.evaluate import evaluate, untaggable
from training.evaluation.errors.classes import ERROR_CLASSES, MEANINGS, ErrorClass
from training.evaluation.errors.classify import ClassifiedError, classify_errors
from training.evaluation.errors.table import COLUMNS, error_table, rank_classes
from training.evaluation.outcomes import classify_spans, count_outcomes
from training.evaluation.slices import seen_slice

CASES: list[tuple[str, str, list[ErrorClass]]] = [
    # gold, prediction, the classes of all errors from left to right
    ("قالت و[A:زارة الصحة] أمس", "قالت [A:وزارة الصحة] أمس", ["untaggable"]),
    ("حي [A:السرو],[C:,] قرب", "حي [A:السرو],, قرب", ["untaggable"]),
    # inside a name
    ("قرب [L:النقطة 11] ليلاً", "قرب النقطة [C:11] ليلاً", ["number_of_name_as_count"]),
    (
        "وصل [A:لواء المرج 28] ليلاً",
        "وصل [A:لواء المرج] [C:28] ليلاً",
        ["split", "number_of_name_as_count"],
    ),
    (
        "عاد [A:مجلس تل السرو المحلي]",
        "عاد مجلس [L:تل السرو] المحلي",
        ["part_of_actor_as_location"],
    ),
    (
        "بيان [A:هيئة الرصد في المرج] أمس",
        "بيان [A:هيئة الرصد] في [L:المرج] أمس",
        ["split", "part_of_actor_as_location"],
    ),
    # run together, cut
    ("أصيب [C:ثلاثة]\nبلدية نائمة", "أصيب [C:ثلاثة\nبلدية] نائمة", ["over_line_break"]),
    (
        "قرب [L:السرو]\n[A:بلدية المرج] نائمة",
        "قرب [L:السرو\nبلدية المرج] نائمة",
        ["over_line_break", "over_line_break"],
    ),
    ("في [L:السرو] [L:والمرج] أمس", "في [L:السرو والمرج] أمس", ["joined", "joined"]),
    ("قالت [A:نجلاء الخوري] أمس", "قالت [A:نجلاء] [A:الخوري] أمس", ["split", "split"]),
    # another label
    ("نفت [A:تركيا] ذلك", "نفت [L:تركيا] ذلك", ["state_as_place"]),
    ("نفت اللجنة [A:وطاجيكستان] ذلك", "نفت اللجنة [L:وطاجيكستان] ذلك", ["state_as_place"]),
    ("سافر إلى [L:تركيا] أمس", "سافر إلى [A:تركيا] أمس", ["place_as_state"]),
    ("أمير [A:حراس المرج] فرّ", "أمير [L:حراس المرج] فرّ", ["actor_as_location"]),
    ("في [L:خلة السرو] ليلاً", "في [A:خلة السرو] ليلاً", ["location_as_actor"]),
    ("في [L:إيفين] ليلاً", "في [C:إيفين] ليلاً", ["name_as_count"]),
    ("جلب [C:تسعة ألواح] خشب", "جلب [A:تسعة ألواح] خشب", ["count_as_name"]),
    # start and end
    (
        "سوق [A:لواء المرج الأخضر] أمس",
        "[A:سوق لواء المرج] الأخضر أمس",
        ["both_edges"],
    ),
    ("مرّ [L:بالسرو] ليلاً", "مرّ ب[L:السرو] ليلاً", ["proclitic_left_out"]),
    ("مرّ [L:بـالسرو] ليلاً", "مرّ بـ[L:السرو] ليلاً", ["proclitic_left_out"]),
    ("12 جريحا و [C:5 قتلى]", "12 جريحا [C:و 5 قتلى]", ["proclitic_taken_in"]),
    ("أعلنت [A:حركة فجر المرج]", "أعلنت حركة [A:فجر المرج]", ["head_left_out"]),
    ("غرق في [L:نهر السرو]", "غرق في نهر [L:السرو]", ["head_left_out"]),
    ("في مدينة [L:السرو]", "في [L:مدينة السرو]", ["head_taken_in"]),
    ("هرب عناصر [A:لواء المرج]", "هرب [A:عناصر لواء المرج]", ["member_taken_in"]),
    ("قال الشيخ [A:نايف الخوري]", "قال [A:الشيخ نايف الخوري]", ["member_taken_in"]),
    ("نزحت نحو [C:300 عائلة]", "نزحت [C:نحو 300 عائلة]", ["approximator_taken_in"]),
    ("قال [A:إلهام الراوي]", "قال إلهام [A:الراوي]", ["words_before_left_out"]),
    ("قد وقفت [A:سعاد] هنا", "قد [A:وقفت سعاد] هنا", ["words_before_taken_in"]),
    ("وقع [C:ثلاثة وعشرون هجوماً]", "وقع ثلاثة [C:وعشرون هجوماً]", ["number_part"]),
    ("وقع [C:ثلاثة وعشرون هجوماً]", "وقع [C:ثلاثة] وعشرون هجوماً", ["number_part"]),
    ("نقلت [C:27 دفعة] أمس", "نقلت [C:27] دفعة أمس", ["counted_noun_left_out"]),
    ("نفذت [C:9 عمليات] مشتركة", "نفذت [C:9 عمليات مشتركة]", ["counted_noun_taken_in"]),
    ("قصف [L:ريف السرو الشرقي]", "قصف [L:ريف السرو] الشرقي", ["adjective_left_out"]),
    ("عناصر [A:لواء المرج] الإرهابي", "عناصر [A:لواء المرج الإرهابي]", ["adjective_taken_in"]),
    (
        "قال [A:مركز السرو للعدالة والقانون]",
        "قال [A:مركز السرو للعدالة] والقانون",
        ["coordinated_left_out"],
    ),
    ("إلى [L:مشفى السرو] والإسعاف", "إلى [L:مشفى السرو والإسعاف]", ["coordinated_taken_in"]),
    ("بيان [A:هيئة الرصد في المرج]", "بيان [A:هيئة الرصد] في المرج", ["prepositional_left_out"]),
    ("قالت [A:لجنة الصحة] بالمرج", "قالت [A:لجنة الصحة بالمرج]", ["prepositional_taken_in"]),
    ("خسرت [A:كتيبة السرو 77]", "خسرت [A:كتيبة السرو] 77", ["unit_number_left_out"]),
    ("رحبت [A:جمعية عائلات متحدة]", "رحبت [A:جمعية عائلات] متحدة", ["words_behind_left_out"]),
    ("قالت [A:محكمة المرج] تؤيد", "قالت [A:محكمة المرج تؤيد]", ["words_behind_taken_in"]),
    # missed
    ("قُتل [C:30] منهم", "قُتل 30 منهم", ["missed_digits"]),
    ("وبحوزته [C:ثلاث هويات]", "وبحوزته ثلاث هويات", ["missed_number_words"]),
    ("عُثر على [C:مخبأين] للسلاح", "عُثر على مخبأين للسلاح", ["missed_dual"]),
    ("قال لـ[A:TV7] أمس", "قال لـTV7 أمس", ["missed_other_script"]),
    ("في بيتها [L:بالسرو] أمس", "في بيتها بالسرو أمس", ["missed_behind_proclitic"]),
    ("عاد إلى [L:السرو]", "عاد إلى السرو", ["missed_other"]),
    # spurious
    ("38 جريحا و 5", "38 جريحا [C:و] 5", ["spurious_particle"]),
    ("وصلوا الساعة 18 تماما", "وصلوا الساعة [C:18] تماما", ["spurious_time"]),
    ("عمره 19 فقط", "عمره [C:19] فقط", ["spurious_time"]),
    ("صباح 19 شباط", "صباح [C:19] شباط", ["spurious_time"]),
    ("سُجن 3 أشهر", "سُجن [C:3 أشهر]", ["spurious_time"]),
    ("في حزيران الماضي", "في [L:حزيران] الماضي", ["spurious_time"]),
    ("على بعد 40 كيلومتراً", "على بعد [C:40 كيلومتراً]", ["spurious_measure"]),
    ("ارتفع 30 بالمئة", "ارتفع [C:30] بالمئة", ["spurious_measure"]),
    ("راجمات عيار 122", "راجمات عيار [C:122]", ["spurious_measure"]),
    ("وأصيب رابع", "وأصيب [C:رابع]", ["spurious_ordinal"]),
    ("المتهم الثاني عشر", "المتهم الثاني [C:عشر]", ["spurious_ordinal"]),
    ("قصفت عدة مدن", "قصفت [C:عدة مدن]", ["spurious_vague"]),
    ("باع سيارتي أمس", "باع [C:سيارتي] أمس", ["spurious_without_number"]),
    ("وليس 16 كما قيل", "وليس [C:16] كما قيل", ["spurious_number"]),
    ("ثم عاد التنظيم", "ثم عاد [A:التنظيم]", ["back_reference"]),
    ("وصل إلى المدينة", "وصل إلى [L:المدينة]", ["back_reference"]),
    ("هرب مسلحون مجهولون", "هرب [A:مسلحون مجهولون]", ["nameless_party"]),
    ("قرب شارع فرعي", "قرب [L:شارع فرعي]", ["nameless_place"]),
    ("وهو شاب سورياً", "وهو شاب [A:سورياً]", ["nationality"]),
    ("نزع لغم وتدمير جسر", "نزع لغم [L:وتدمير] جسر", ["verb_as_name"]),
    ("مات من العطش", "مات من [L:العطش]", ["word_behind_preposition"]),
    ("سمع ضجيج كبير", "سمع [A:ضجيج] كبير", ["spurious_other"]),
]
"""Without training reports; all texts are invented."""
WITH_TRAINING: list[tuple[str, str, list[ErrorClass]]] = [
    ("عاد إلى [L:السرو]", "عاد إلى السرو", ["missed_met"]),
    ("عاد إلى [L:الصفصاف]", "عاد إلى الصفصاف", ["missed_new"]),
    ("في بيتها [L:بالسرو] أمس", "في بيتها بالسرو أمس", ["missed_behind_proclitic"]),
    ("قطعوا شجر السرو أمس", "قطعوا شجر [L:السرو] أمس", ["spurious_met"]),
]
TRAINING = [report("وصل إلى [L:السرو] [C:12] نازحا", "t")]


def classes_of(
    cases: list[tuple[str, str, list[ErrorClass]]], training: list[Report] | None = None
) -> list[list[ErrorClass]]:
    """Those of each case's errors."""
    gold = [report(marked, f"r{number}") for number, (marked, *_) in enumerate(cases)]
    found = [report(marked, f"r{number}") for number, (_, marked, _) in enumerate(cases)]
    assert [one.text for one in gold] == [one.text for one in found]
    lost = {(one.id, span) for one in gold for span in untaggable(one)}
    errors = classify_errors(
        gold,
        {one.id: one.spans or () for one in found},
        lost,
        None if training is None else seen_slice(training),
    )
    return [[e.error_class for e in errors if e.report.id == one.id] for one in gold]


@pytest.fixture(scope="module")
def classes() -> list[list[ErrorClass]]:
    return classes_of(CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[1] for case in CASES])
def test_an_error_is_of_the_class_that_its_words_tell(
    number: int, classes: list[list[ErrorClass]]
) -> None:
    assert classes[number] == CASES[number][2]


def test_with_training_reports_it_is_told_whether_a_name_was_met_there() -> None:
    assert classes_of(WITH_TRAINING, TRAINING) == [expected for *_, expected in WITH_TRAINING]


def test_labels_of_ones_own_fall_into_the_general_classes() -> None:
    text = "عبر السرو قافلة من 3 شاحنات"
    gold = [Report("a", text, (Span(4, 9, "ROUTE"), Span(20, 27, "VEHICLE")))]
    found = {"a": (Span(4, 9, "STREET"), Span(10, 15, "VEHICLE"))}
    errors = classify_errors(gold, found)
    assert [error.error_class for error in errors] == [
        "other_label",
        "spurious_other",
        "missed_other",
    ]


def test_every_class_is_shown_by_a_case_and_has_a_meaning() -> None:
    shown = {name for *_, expected in (*CASES, *WITH_TRAINING) for name in expected}
    assert shown | {"other_label"} == set(ERROR_CLASSES)
    assert tuple(MEANINGS) == ERROR_CLASSES == get_args(ErrorClass)
    assert len(set(MEANINGS.values())) == len(ERROR_CLASSES)


# Of any predictions

TEXT = (
    "قُتل 12 جندياً وجُرح ثلاثة وعشرون في بلدة السرو\nوبريف المرج الشرقي، حسب [وزارة الصحة] التركية "
    "و لواء النخيل 28 يوم 5 شباط 2024. قال الشيخ سالم إن عدة مدن منها حلب وإدلب و 40% بـتركيا\n\n"
)
EDGES = st.lists(st.integers(0, len(TEXT) + 12), max_size=16, unique=True)
LABELS = st.lists(st.sampled_from(["ACTOR", "LOCATION", "COUNT", "OTHER"]), min_size=8, max_size=8)


def spans_of(edges: list[int], labels: list[str], reach: int) -> tuple[Span, ...]:
    inside = sorted(edge for edge in edges if edge <= reach)
    pairs = zip(inside[::2], inside[1::2], strict=False)
    return tuple(Span(a, b, label) for (a, b), label in zip(pairs, labels, strict=False))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(EDGES, LABELS, EDGES, LABELS), min_size=1, max_size=8))
def test_the_classes_part_the_errors_of_the_outcomes(drawn: list[tuple[Any, ...]]) -> None:
    gold, predicted = [], {}
    for number, (edges, labels, others, other_labels) in enumerate(drawn):
        gold.append(Report(f"r{number}", TEXT, spans_of(edges, labels, len(TEXT))))
        # Of predictions on another version of the text some end behind it.
        predicted[f"r{number}"] = spans_of(others, other_labels, len(TEXT) + 12)
    errors = classify_errors(gold, predicted, (), seen_slice(TRAINING))
    expected = [
        (one, outcome)
        for one in gold
        for outcome in classify_spans(one.spans or (), predicted[one.id])
        if outcome.kind != "right"
    ]
    assert [(error.report, error.outcome) for error in errors] == expected
    rows = rank_classes(errors)
    assert sum(len(row.errors) for row in rows) == len(expected)
    assert {row.error_class for row in rows} <= set(ERROR_CLASSES)
    counts = [len(row.errors) for row in rows]
    assert counts == sorted(counts, reverse=True)
    for error in errors:
        if error.error_class.startswith("missed"):
            assert error.outcome.kind == "missed"
        if error.error_class.startswith("spurious"):
            assert error.outcome.kind == "spurious"
        if error.error_class.endswith(("left_out", "taken_in")):
            assert error.outcome.kind == "boundary"


# The table

GOLD = [
    report("عاد إلى [L:السرو] [C:12] نازحا من [L:المرج]", "a"),
    report("قُتل [C:3] في [L:السرو]\nمساء أمس", "b"),
]
FOUND = {
    "a": report("عاد إلى السرو 12 [C:نازحا] من [L:المرج]").spans or (),
    "b": report("[A:قُتل] [C:3] في السرو\nمساء أمس").spans or (),
}


def test_the_most_frequent_class_comes_first_with_an_example_of_each_report() -> None:
    rows = [row.to_json() for row in rank_classes(classify_errors(GOLD, FOUND))]
    assert [(row["class"], row["errors"], row["labels"]) for row in rows] == [
        ("missed_other", 2, {"LOCATION": 2}),
        ("missed_digits", 1, {"COUNT": 1}),
        ("spurious_without_number", 1, {"COUNT": 1}),
        ("verb_as_name", 1, {"ACTOR": 1}),
    ]
    assert rows[0]["examples"] == [
        {
            "id": "a",
            "start": 8,
            "end": 13,
            "gold": "LOCATION السرو",
            "predicted": None,
            "context": "عاد إلى السرو 12 نازحا من المرج",
        },
        {
            "id": "b",
            "start": 10,
            "end": 15,
            "gold": "LOCATION السرو",
            "predicted": None,
            "context": "قُتل 3 في السرو مساء أمس",
        },
    ]


def test_examples_come_from_other_reports_before_more_of_one() -> None:
    gold = [report("[C:1] [C:2] [C:3] [C:4]", "a"), report("[C:5] [C:6]", "b")]
    [row] = rank_classes(classify_errors(gold, {}))
    examples = row.to_json()["examples"]
    assert [(one["id"], one["start"]) for one in examples] == [("a", 0), ("b", 0), ("a", 2)]


def test_context_is_cut_between_words() -> None:
    words = " ".join(f"كلمة{number}" for number in range(40))
    start = words.index("كلمة20")
    gold = [Report("a", words, (Span(start, start + 6, "ACTOR"),))]
    [row] = rank_classes(classify_errors(gold, {}))
    context = row.to_json()["examples"][0]["context"]
    assert context.startswith("… ") and context.endswith(" …")
    shown = context[2:-2].split(" ")
    assert set(shown) <= set(words.split(" "))
    assert "كلمة20" in shown and 9 <= len(shown) <= 15


def test_an_evaluation_writes_the_classes_and_tells_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_reports(GOLD, tmp_path / "gold.jsonl")
    found = [Report(one.id, one.text, FOUND[one.id]) for one in GOLD]
    write_reports(found, tmp_path / "found.jsonl", format="predictions")
    arguments = ["--predictions", str(tmp_path / "found.jsonl")]
    arguments += ["--gold", str(tmp_path / "gold.jsonl"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == 0
    [told] = [x for x in capsys.readouterr().out.splitlines() if x.startswith("most frequent")]
    assert told == (
        "most frequent of 5 errors: missed_other 2, missed_digits 1, spurious_without_number 1, "
        "verb_as_name 1 (all, with examples: error_classes.csv)"
    )
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert sum(row["errors"] for row in content["error_classes"]) == 5
    with (tmp_path / "out" / "error_classes.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    assert [(x["rank"], x["class"], x["errors"], x["example"], x["id"]) for x in lines] == [
        ("1", "missed_other", "2", "1", "a"),
        ("1", "missed_other", "2", "2", "b"),
        ("2", "missed_digits", "1", "1", "a"),
        ("3", "spurious_without_number", "1", "1", "a"),
        ("4", "verb_as_name", "1", "1", "b"),
    ]
    assert (lines[0]["share"], lines[0]["labels"]) == ("0.4", "LOCATION 2")
    assert (lines[0]["gold"], lines[0]["predicted"]) == ("LOCATION السرو", "")

    assert main(["errors", str(tmp_path / "out"), "--count", "2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == error_table(content["error_classes"], 2)
    assert shown[:3] == [
        "| errors | share | kind of mistake | example |",
        "| --- | --- | --- | --- |",
        "| 2 | 40% | `missed_other`: a missed span of which no more is known (LOCATION 2) | "
        "gold LOCATION \u2068السرو\u2069 |",
    ]
    assert len(shown) == 4


def test_what_is_in_a_text_cannot_break_the_table() -> None:
    text = "a|b <i> \\| ليلاً"
    gold = [Report("a", text, (Span(0, 10, "ACTOR"),))]
    rows = [row.to_json() for row in rank_classes(classify_errors(gold, {}))]
    [line] = error_table(rows, 1)[2:]
    assert line.endswith("gold ACTOR \u2068a\\|b &lt;i> \\\\\\|\u2069 |")


def test_without_errors_there_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    gold = [report("في [L:السرو]", "a")]
    evaluation = evaluate(gold, {"a": gold[0].spans or ()})
    assert evaluation.errors == []
    assert not [line for line in evaluation.remarks() if line.startswith("most frequent")]
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation.to_json()), "utf-8")
    assert main(["errors", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "There is no error.\n"


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        (None, [], "no such file; expected the folder of an evaluation"),
        ("{}", [], "holds no classes of errors; call python -m training evaluate again"),
        ("{", [], "holds no classes of errors; call python -m training evaluate again"),
        ("[]", [], "holds no classes of errors; call python -m training evaluate again"),
        ("{}", ["--count", "0"], "--count 0: expected 1 or more"),
    ],
)
def test_what_is_no_evaluation_is_one_line(
    content: str | None, more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    if content is not None:
        (tmp_path / "evaluation.json").write_text(content, "utf-8")
    assert main(["errors", str(tmp_path), *more]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(told)


def test_classes_count_what_the_outcomes_count() -> None:
    evaluation = evaluate(GOLD, FOUND)
    kinds = Counter(error.outcome.kind for error in evaluation.errors)
    assert {kind: count for kind, count in evaluation.outcomes.items() if kind != "right"} == {
        kind: kinds[kind] for kind in evaluation.outcomes if kind != "right"
    }
    assert isinstance(evaluation.errors[0], ClassifiedError)
    assert count_outcomes(e.outcome for e in evaluation.errors)["right"] == 0


def test_the_documentation_names_all_classes_in_the_order_of_the_rules() -> None:
    lines = (HOME / "docs" / "errors.md").read_text("utf-8").splitlines()
    table = [line for line in lines if line.startswith("| `")]
    assert table == [f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()]

"""The page of an evaluation, as far as it can be read without a browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded_errors import seed_errors

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.report import Report, Span
from training.__main__ import main
from training.evaluate import evaluate
from training.evaluation.confusion import Confused, count_confusion
from training.evaluation.outcomes import OUTCOME_CLASSES, Outcome
from training.evaluation.page.charts import reliability_chart, risk_chart
from training.evaluation.page.shown import show_reports
from training.evaluation.page.write import PageInput, render_page

TEXT = "قصفت قوات السد تل الورد، فجرح ٤٥ شخصا."
GOLD = (Span(5, 14, "ACTOR"), Span(15, 23, "LOCATION"), Span(30, 32, "COUNT"))
HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<!-- <script> -->",
    "<img src=x onerror='window.hacked = 1'>",
    "a\u2028b\u2029c",
    "\"quotes' `and` \\back\\u003c",
    "{{ 7 * 7 }}{% raw %}",
    "]]> &lt; &amp; &#60;",
    "\u202eمقلوب\u202c \u0000 \r\n \x7f \ufffe",
    "😀 <b>قوات</b>",
)


class Elements(HTMLParser):
    """Start tags with their attributes, and what scripts, styles and all else hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.held: list[tuple[str, str]] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.held.append((self._inside, data))

    @property
    def words(self) -> str:
        """What a reader reads, blanks made one."""
        shown = "".join(data for tag, data in self.held if tag not in ("script", "style"))
        return " ".join(shown.split())


def page_of(
    gold: list[Report],
    predicted: dict[str, Any],
    project: str | None = None,
    room: int | None = None,
    **more: Any,
) -> str:
    evaluation = evaluate(gold, predicted, **more)
    source = PageInput(
        evaluation.to_json(), evaluation.warnings(), gold, predicted, project, evaluation.errors
    )
    return render_page(source) if room is None else render_page(source, room)


def data_of(page: str) -> dict[str, Any]:
    """What the page's script reads, as a browser finds it."""
    [held] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(held)


# Confusion


def test_the_confusion_of_labels_is_counted_pair_by_pair() -> None:
    a, place = Span(0, 4, "A"), Span(0, 4, "L")
    outcomes = [
        Outcome("right", a, a),
        Outcome("right", a, a),
        Outcome("boundary", a, Span(0, 9, "A")),
        Outcome("label", a, place),
        Outcome("both", a, Span(2, 9, "L")),
        Outcome("missed", a, None),
        Outcome("spurious", None, place),
        Outcome("label", place, a),
    ]
    assert count_confusion(outcomes) == [
        Confused("A", "A", 3, 2),
        Confused("A", "L", 2, 1),
        Confused("A", None, 1, 0),
        Confused("L", "A", 1, 1),
        Confused(None, "L", 1, 0),
    ]


def test_the_confusion_agrees_with_the_classes_of_errors() -> None:
    seeded = seed_errors()
    evaluation = evaluate(seeded.gold, seeded.spans()).to_json()
    assert evaluation["outcomes"] | {"right": 0} == dict(seeded.errors) | {"right": 0}
    assert len(seeded.errors) == 5 and min(seeded.errors.values()) >= 10
    pairs = evaluation["confusion"]
    told = {
        "right": sum(one["same_edges"] for one in pairs if one["gold"] == one["predicted"]),
        "missed": sum(one["spans"] for one in pairs if one["predicted"] is None),
        "spurious": sum(one["spans"] for one in pairs if one["gold"] is None),
    }
    assert told == {kind: evaluation["outcomes"][kind] for kind in told}
    assert sum(one["spans"] for one in pairs) == sum(evaluation["outcomes"].values())


# The page as a file


def test_the_page_allows_itself_and_nothing_from_anywhere() -> None:
    page = page_of([Report("a", TEXT, GOLD)], {"a": GOLD})
    elements = Elements(page)
    [policy] = [
        attributes["content"] or ""
        for tag, attributes in elements.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for rule, element in (("style-src", "style"), ("script-src", "script")):
        *_, held = re.findall(rf"<{element}>(.*?)</{element}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    names = [tag for tag, _ in elements.tags]
    first_of_ours = min(names.index("style"), names.index("script"))
    assert names.index("meta") < first_of_ours, "a policy holds for what comes behind it"
    for tag, attributes in elements.tags:
        assert not {"src", "style", "onclick", "srcset"} & attributes.keys(), (tag, attributes)
        address = attributes.get("href")
        assert address is None or address.startswith(("#", "data:,")), address
    assert "http://" not in page.replace("http-equiv", "") and "https://" not in page


@pytest.mark.parametrize("hostile", HOSTILE)
def test_html_in_a_report_stays_text(hostile: str) -> None:
    text = f"{hostile} قوات"
    span = Span(len(text) - 4, len(text), f"L{hostile}")
    report = Report(f"id{hostile}", text, (span,), {"source": hostile})
    page = page_of([report], {report.id: (span,)}, slices={"mine": lambda report, span: hostile})
    harmless = page_of(
        [Report("a", "b قوات", (Span(2, 6, "L"),), {"source": "s"})], {"a": (Span(2, 6, "L"),)}
    )
    tags = [[tag for tag, _ in Elements(one).tags] for one in (page, harmless)]
    assert sorted(set(tags[0])) == sorted(set(tags[1]))
    assert [tags[0].count(tag) for tag in ("script", "style", "img")] == [2, 1, 0]
    [shown] = data_of(page)["reports"]
    assert (shown["text"], shown["id"], shown["source"]) == (text, report.id, hostile)
    assert data_of(page)["labels"] == [span.label]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_any_text_comes_back_from_the_page_as_it_was(text: str) -> None:
    gold = [Report(text, text, ())]
    [row] = show_reports(gold, {}, []).rows
    assert json.loads(row)["text"] == text
    page = _page_with(text)
    assert [one["text"] for one in data_of(page)["reports"]] == [text]


_TEMPLATE: dict[str, Any] = {}


def _page_with(text: str) -> str:
    """A page of one report; its figures are worked out once."""
    if not _TEMPLATE:
        _TEMPLATE.update(evaluate([Report("a", "", ())], {"a": ()}).to_json())
    return render_page(PageInput(_TEMPLATE, [], [Report(text, text, ())], {text: ()}))


def test_spans_and_outcomes_stand_in_the_page_by_code_points() -> None:
    text = f"😀 {TEXT}"
    gold = [Report("a", text, (Span(7, 16, "ACTOR"), Span(17, 25, "LOCATION")))]
    found = {"a": (Span(12, 16, "ACTOR", 0.71239), Span(32, 34, "COUNT"))}
    data = data_of(page_of(gold, found))
    assert data["labels"] == ["ACTOR", "COUNT", "LOCATION"]
    [shown] = data["reports"]
    assert shown["gold"] == [[7, 16, 0], [17, 25, 2]]
    assert shown["found"] == [[12, 16, 0, 0.7123], [32, 34, 1, None]], "never rounded up"
    kinds = [OUTCOME_CLASSES[kind] for kind, *_ in shown["outcomes"]]
    assert kinds == ["boundary", "missed", "spurious"]
    assert [places for _, *places, _ in shown["outcomes"]] == [[0, 0], [1, -1], [-1, 1]]
    mistakes = [data["mistakes"][mistake] for *_, mistake in shown["outcomes"]]
    assert mistakes == ["head left out", "missed other", "spurious number"]


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (0.57, 0.57),
        (0.29, 0.29),
        (0.94996, 0.9499),
        (0.00001, 0.0),
        (1.0, 1.0),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_no_score_is_shown_above_a_threshold_that_it_is_below(
    score: float | None, shown: float | None
) -> None:
    page = page_of([Report("a", TEXT, ())], {"a": (Span(5, 14, "ACTOR", score),)})
    assert data_of(page)["reports"][0]["found"] == [[5, 14, 0, shown]]


def test_the_kinds_of_mistakes_stand_in_a_table_the_most_frequent_first() -> None:
    gold = [Report(name, TEXT, GOLD) for name in "abc"]
    page = page_of(gold, {"a": GOLD[:2], "b": (*GOLD[:1], GOLD[2]), "c": GOLD[:1]})
    rows = re.findall(r'data-mistake="(\d+)" aria-label="(\d+) errors: ([^;]+);', page)
    assert [(int(errors), name) for _, errors, name in rows] == [
        (2, "missed digits"),
        (2, "missed other"),
    ]
    data = data_of(page)
    assert [data["mistakes"][int(place)] for place, *_ in rows] == [name for *_, name in rows]
    assert "a missed COUNT in digits" in Elements(page).words
    right = page_of(gold, {report.id: GOLD for report in gold})
    assert "data-mistake" not in right
    assert "What kind of mistake" not in Elements(right).words


def test_the_threshold_table_is_on_the_page() -> None:
    scored = {
        "a": (Span(5, 14, "ACTOR", 0.9), Span(30, 32, "COUNT", 0.4), Span(0, 4, "COUNT", 0.2))
    }
    page = page_of([Report("a", TEXT, GOLD)], scored)
    cells = {
        cut: re.findall(r">([\d.,]+)</t[hd]>", row)
        for cut, row in re.findall(r'<tr data-cut="([\d.]+)">(.*?)</tr>', page)
    }
    assert len(cells) == 21
    assert cells["0.0"] == ["0.00", "0.667", "0.667", "0.667", "3", "2"]
    assert cells["0.5"] == ["0.50", "1.000", "0.333", "0.500", "1", "1"]
    without = page_of([Report("a", TEXT, GOLD)], {"a": GOLD})
    assert "Thresholds" not in Elements(without).words and 'id="cut"' not in without


def test_a_cut_that_the_predictor_made_is_told_beside_the_thresholds() -> None:
    gold, scored = [Report("a", TEXT, GOLD)], {"a": (Span(5, 14, "ACTOR", 0.9),)}
    evaluation = evaluate(gold, scored)
    for cut, told in ((0.2345, "less than 0.234, the model's own cut"), (0, None)):
        cut_there = replace(evaluation, origin={"least_score": cut})
        page = render_page(
            PageInput(cut_there.to_json(), [], gold, scored, None, evaluation.errors)
        )
        words = Elements(page).words
        assert told in words if told else "leave out what scores" not in words


def test_a_page_says_what_it_had_no_room_for() -> None:
    """Reports with errors come first; the order of the file stays."""
    gold = [Report(f"r{number:03}", TEXT, GOLD) for number in range(60)]
    wrong = {f"r{number:03}" for number in range(0, 60, 3)}
    predicted = {report.id: GOLD[:2] if report.id in wrong else GOLD for report in gold}
    size = len(show_reports(gold[:1], predicted, ["ACTOR", "COUNT", "LOCATION"]).rows[0].encode())
    page = page_of(gold, predicted, room=size * 30)
    kept = [report["id"] for report in data_of(page)["reports"]]
    assert kept == sorted(kept)
    assert wrong <= set(kept)
    assert 28 <= len(kept) <= 32
    assert f"{len(kept)} of 60 reports are on this page" in Elements(page).words
    out = 60 - len(kept)
    told = f"Left out are {out}, drawn by their ids: {out} without errors and 0 with some."
    assert told in Elements(page).words
    assert max(int(id[1:]) for id in kept) > 50, "not simply the first ones"
    page = page_of(gold, predicted, room=size * 10)
    kept = [report["id"] for report in data_of(page)["reports"]]
    assert set(kept) < wrong
    assert f": 40 without errors and {20 - len(kept)} with some." in Elements(page).words
    assert "Left out are" not in page_of(gold, predicted)


# Bad input


def test_gold_without_predictions_is_told_on_the_page() -> None:
    page = page_of([Report("a", TEXT, GOLD), Report("b", TEXT, GOLD)], {"a": GOLD})
    assert "1 gold reports without a prediction, all their spans missed" in Elements(page).words
    assert [report["found"] is None for report in data_of(page)["reports"]] == [False, True]


def test_other_labels_are_told_on_the_page_and_stand_in_its_table() -> None:
    other = (Span(5, 14, "GROUP"),)
    page = page_of([Report("a", TEXT, GOLD), Report("b", TEXT, GOLD)], {"a": other, "b": ()})
    words = Elements(page).words
    assert "labels that gold lacks, all wrong: GROUP (1)" in words
    assert "labels that nothing was predicted of, all missed: ACTOR (2)" in words
    assert "1 spans: gold ACTOR, predicted GROUP; show their reports" in page


def test_one_report_has_no_interval_and_the_page_says_so() -> None:
    words = Elements(page_of([Report("a", TEXT, GOLD)], {"a": GOLD[:2]})).words
    assert words.count("no interval") == 1 + 3, "in the remark, and under each of the figures"
    assert "one report only" in words
    assert "bootstrap over 1 report: one report gives none" in words


def test_predictions_without_scores_have_no_curves() -> None:
    page = page_of([Report("a", TEXT, GOLD)], {"a": GOLD})
    assert "No predicted span carries a score from 0 to 1" in Elements(page).words
    assert 'class="chart"' not in page


def test_nothing_anywhere_makes_a_page_all_the_same() -> None:
    page = page_of([Report("a", "", ())], {"a": ()})
    assert "0 spans are right, 0 are wrong" in Elements(page).words
    assert data_of(page)["reports"][0]["outcomes"] == []


def test_predictions_beyond_the_text_are_told_on_the_page() -> None:
    page = page_of([Report("a", TEXT, GOLD)], {"a": (Span(30, 90, "COUNT"),)})
    assert "1 predictions that do not fit the text" in Elements(page).words
    assert data_of(page)["reports"][0]["found"] == [[30, 90, 1, None]]


def test_leaks_stand_at_the_top_of_the_page() -> None:
    gold = seed_errors().gold[:4]
    training = [Report("t", gold[2].text, ())]
    page = page_of(gold, {}, training=training)
    words = Elements(page).words
    assert (
        "Before you believe these figures LEAK: near-duplicates of training reports: 1 of 4"
        in words
    )
    assert words.index("LEAK:") < words.index("precision")


def test_a_model_measured_on_its_own_reports_is_told_at_the_top_of_the_page(
    random_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for file in random_model.iterdir():
        (model / file.name).symlink_to(file)
    gold = tmp_path / "gold.jsonl"
    write_reports([Report("a", TEXT, GOLD), Report("b", TEXT, GOLD)], gold)
    record = {"data": {"train": {"files": {"elsewhere.jsonl": sha256_of_file(gold)}}}}
    (model / "training.json").write_text(json.dumps(record), "utf-8")
    arguments = ["--model", str(model), "--gold", str(gold), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments, "--device", "cpu"]) == 0
    words = Elements((tmp_path / "out" / "evaluation.html").read_text("utf-8")).words
    told = "is what this model was fitted on; the figures say nothing of new reports"
    assert f"Before you believe these figures LEAK: {gold} {told}" in words
    assert "By position 1 group" in words, "with a model its tokenizer is known"


def test_a_slice_of_very_many_groups_is_shortened_and_told() -> None:
    gold = [Report(f"r{number}", TEXT, GOLD) for number in range(50)]
    page = page_of(gold, {}, slices={"report": lambda report, span: report.id})
    assert "The 40 with the most gold; evaluation.json holds 10 more." in Elements(page).words


# Curves


def test_the_reliability_chart_lays_bins_out_by_score_and_precision() -> None:
    empty = {"spans": 0, "mean_score": None, "precision": None}
    bins = [
        {"low": 0.0, "high": 0.5, **empty},
        {"low": 0.5, "high": 1.0, "spans": 4, "mean_score": 0.5, "precision": 0.0},
        {"low": 0.9, "high": 1.0, "spans": 16, "mean_score": 1.0, "precision": 1.0},
    ]
    chart = reliability_chart(bins)
    middle = (chart.left + chart.right) / 2
    assert [(one.x, one.y) for one in chart.points] == [
        (middle, chart.bottom),
        (chart.right, chart.top),
    ]
    few, many = (one.radius for one in chart.points)
    assert many == 2 * few, "areas stand for spans"
    assert chart.points[0].text.startswith("scores 0.5–1.0: 4 spans, mean score 0.500, precision")
    assert chart.line == f"{middle},{chart.bottom} {chart.right},{chart.top}"


@pytest.mark.parametrize(
    ("risks", "ceiling"), [((0.0, 0.05), "0.1"), ((0.1, 0.11), "0.2"), ((0.3, 1.0), "1")]
)
def test_the_risk_chart_is_as_high_as_it_has_to_be(risks: tuple, ceiling: str) -> None:
    points = [
        {"score": 0.9, "coverage": 0.5, "risk": risks[0]},
        {"score": 0.1, "coverage": 1.0, "risk": risks[1]},
    ]
    chart = risk_chart(points)
    assert chart.upward[-1].text == ceiling
    heights = [float(point.split(",")[1]) for point in chart.line.split()]
    assert all(chart.top <= height <= chart.bottom for height in heights)
    expected = chart.bottom - (chart.bottom - chart.top) * risks[1] / float(ceiling)
    assert heights[1] == pytest.approx(expected, abs=0.01)
    assert chart.area.startswith(f"{(chart.left + chart.right) / 2},{chart.bottom} ")
    assert chart.area.endswith(f" {chart.right},{chart.bottom}")


# Links to Label Studio


def test_the_command_takes_the_project_from_the_pull_or_as_told(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    gold, output = tmp_path / "gold.jsonl", tmp_path / "out"
    write_reports([Report("a", TEXT, GOLD, {"label_studio_task": 41})], gold)
    arguments = ["evaluate", "--predictions", str(gold), "--gold", str(gold)]
    arguments += ["--output", str(output)]

    def project() -> object:
        return data_of((output / "evaluation.html").read_text("utf-8"))["project"]

    assert main(arguments) == 0
    assert project() is None
    (tmp_path / "gold.jsonl.pull.json").write_text(
        '{"settings": {"url": "http://localhost:8080", "project": 7}}', "utf-8"
    )
    assert main(arguments) == 0
    assert project() == "http://localhost:8080/projects/7"
    assert main([*arguments, "--project", "https://other.example/projects/9/data"]) == 0
    assert project() == "https://other.example/projects/9"
    assert data_of((output / "evaluation.html").read_text("utf-8"))["reports"][0]["task"] == 41
    capsys.readouterr()
    assert main([*arguments, "--project", "javascript:alert(1)"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("'javascript:alert(1)' is not the address of a Label Studio project")


@pytest.mark.parametrize("task", ["41", True, None, 4.5])
def test_what_is_no_number_of_a_task_is_no_link(task: object) -> None:
    [row] = show_reports([Report("a", TEXT, (), {"label_studio_task": task})], {}, []).rows
    assert "task" not in json.loads(row)


# The record


def test_an_evaluation_says_what_it_was_told(tmp_path: Path) -> None:
    gold, train = tmp_path / "gold.jsonl", tmp_path / "train.jsonl"
    write_reports([Report("a", TEXT, GOLD)], gold)
    write_reports([Report("t", "نص آخر", ())], train)
    arguments = ["--predictions", str(gold), "--gold", str(gold), "--train", str(train)]
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert record["config"] == {
        "format": None,
        "text_column": "text",
        "id_column": "id",
        "encoding": "utf-8",
        "annotators": None,
        "with_spans": True,
        "train": [str(train)],
        "slices": [],
        "project": None,
    }
    assert record["seed"] == record["intervals"]["seed"] == 13
    assert record["gold"] == {str(gold): sha256_of_file(gold)}
    assert record["training"] == {str(train): sha256_of_file(train)}
    assert record["predictions"] == {str(gold): sha256_of_file(gold)}
    assert {"rasd", "numpy", "python"} <= record["versions"].keys()
    assert record["commit"] is None or re.fullmatch(r"[0-9a-f]{40}(\+changes)?", record["commit"])

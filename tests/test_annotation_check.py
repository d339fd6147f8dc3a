import json
from pathlib import Path

import pytest

from annotation.__main__ import main
from annotation.check import DataCheck, Example, check_files, describe
from annotation.ledger import Record
from annotation.problems import Rejection, Repair
from annotation.report import Report, Span

LABELS = ["ACTOR", "LOCATION", "COUNT"]
TEXT = "أرسلت جمعية السلام 12 شاحنة إلى تدمر، وعادت."
"""جمعية السلام 6–18, 12 شاحنة 19–27, تدمر 32–36, the comma at 36."""
STORY = "افتتحت البلدية جسر المشاة فوق السكة بعد عام من الأعمال وحضر السكان حفلا صغيرا عند المدخل"


def check(*reports: Record, file: str = "a.jsonl") -> DataCheck:
    return check_files([(file, reports)], LABELS)


def kinds(checked: DataCheck) -> dict[str, int]:
    return {finding.kind: finding.count for finding in checked.findings}


def marked(*spans: tuple[int, int, str], text: str = TEXT, name: str = "r") -> Report:
    return Report(name, text, tuple(Span(*span) for span in spans))


def test_a_sound_data_set_has_figures_and_no_finding() -> None:
    sound = marked((6, 18, "ACTOR"), (19, 27, "COUNT"), (32, 36, "LOCATION"))
    other = Report("s", "وصلت ثلاث شاحنات", (Span(5, 16, "COUNT"),), {"source": "north"})
    checked = check(sound, other, Report("t", "لا شيء هنا", (), {"source": "north"}))
    assert checked.findings == []
    figures = checked.figures
    assert figures.files == {"a.jsonl": 3}
    assert (figures.reports, figures.annotated, figures.without_spans) == (3, 3, 1)
    assert (figures.words, figures.shortest, figures.median_length, figures.longest) == (
        14,
        3,
        3,
        8,
    )
    assert figures.labels == {"ACTOR": 1, "COUNT": 2, "LOCATION": 1}
    assert figures.sources == {
        "(no source)": {"reports": 1, "words": 8, "ACTOR": 1, "COUNT": 1, "LOCATION": 1},
        "north": {"reports": 2, "words": 6, "COUNT": 1},
    }
    assert figures.two_labels == {}
    assert describe(checked)[-1] == "nothing found that needs a person's eye"


@pytest.mark.parametrize(
    ("spans", "kind", "example"),
    [
        (
            [(7, 18, "ACTOR")],
            "span_widened",
            Example("a.jsonl", "r", "معية السلام", "6–18 جمعية السلام", 7, 18),
        ),
        (
            [(32, 35, "LOCATION")],
            "span_widened",
            Example("a.jsonl", "r", "تدم", "32–36 تدمر", 32, 35),
        ),
        (
            [(31, 38, "LOCATION")],
            "span_narrowed",
            Example("a.jsonl", "r", " تدمر، ", "32–36 تدمر", 31, 38),
        ),
        (
            [(36, 38, "LOCATION")],
            "span_lost",
            Example("a.jsonl", "r", "، ", "whole words of its own", 36, 38),
        ),
        (
            [(32, 36, "PLACE")],
            "unknown_label",
            Example("a.jsonl", "r", "PLACE", "one of ACTOR, LOCATION, COUNT", 32, 36),
        ),
    ],
)
def test_a_span_that_is_not_as_it_should_be_is_found(
    spans: list[tuple[int, int, str]], kind: str, example: Example
) -> None:
    checked = check(marked(*spans))
    assert kinds(checked) == {kind: 1}
    assert checked.findings[0].examples == [example]


def test_two_spans_in_one_word_are_one_widened_and_one_lost() -> None:
    checked = check(marked((6, 8, "ACTOR"), (8, 11, "LOCATION")))
    assert kinds(checked) == {"span_widened": 1, "span_lost": 1}
    assert checked.findings[1].examples == [
        Example("a.jsonl", "r", "عية", "whole words of its own", 8, 11)
    ]


def test_a_span_across_a_line_break_is_found_and_shown_on_one_line() -> None:
    checked = check(marked((0, 9, "LOCATION"), text="تدمر\nحلب. تم", name="x"))
    assert kinds(checked) == {"span_across_lines": 1, "span_narrowed": 1}
    across = checked.findings[[f.kind for f in checked.findings].index("span_across_lines")]
    assert across.examples == [Example("a.jsonl", "x", "تدمر\\nحلب.", "a span for each line", 0, 9)]


def test_what_reading_set_aside_and_repaired_is_found_by_reason() -> None:
    checked = check(
        Rejection("a.jsonl", 3, "b", "bad_span", "span ACTOR 4–2 is reversed"),
        marked((6, 18, "ACTOR")),
        Repair("a.jsonl", 5, "c", "offsets converted", "2 spans"),
        Rejection("a.jsonl", 6, None, "bad_json", "broken"),
        Rejection("a.jsonl", 7, None, "bad_json", "broken too"),
    )
    assert kinds(checked) == {
        "rejected: bad_span": 1,
        "repaired: offsets converted": 1,
        "rejected: bad_json": 2,
    }
    assert checked.findings[0].examples == [
        Example("a.jsonl", "b", "span ACTOR 4–2 is reversed", line=3)
    ]
    assert "    a.jsonl:3 (b): span ACTOR 4–2 is reversed" in describe(checked)


def test_blank_texts_are_found() -> None:
    checked = check(Report("e", "", ()), Report("w", " \n\u3000", ()), Report("p", "…", ()))
    assert kinds(checked) == {"blank_text": 2}
    assert checked.findings[0].examples == [
        Example("a.jsonl", "e", "0 characters", "a text"),
        Example("a.jsonl", "w", "3 characters", "a text"),
    ]


def test_reports_without_spans_are_a_finding_only_among_annotated_ones() -> None:
    new = Report("new", "نص جديد")
    assert kinds(check(new, Report("newer", "نص أحدث"))) == {}
    checked = check(new, Report("old", "نص قديم", ()))
    assert kinds(checked) == {"not_annotated": 1}
    assert (checked.figures.annotated, checked.figures.without_spans) == (1, 1)


def test_copies_and_near_duplicates_are_told_apart_within_a_file_and_across_files() -> None:
    near = STORY.replace("افتتحت", "دشنت")
    split = [
        ("train.jsonl", [Report("t1", STORY, ()), Report("t2", STORY, ())]),
        ("dev.jsonl", [Report("d1", near, ()), Report("d2", "خبر آخر", ())]),
        ("held.jsonl", [Report("h1", STORY, ()), Report("h2", "خبر آخر!", ())]),
    ]
    checked = check_files(split, LABELS)
    assert kinds(checked) == {"copy": 1, "copy_across_files": 1, "near_duplicate_across_files": 2}
    examples = {f.kind: [(e.file, e.id, e.found) for e in f.examples] for f in checked.findings}
    assert examples["copy"] == [("train.jsonl", "t2", "1.00 like t1 in train.jsonl")]
    assert examples["copy_across_files"] == [
        ("held.jsonl", "h1", "1.00 like t1 in train.jsonl"),
    ]
    # 16 words are 12 shingles, and the first word stands in one of them: 11 of 13 are common.
    assert examples["near_duplicate_across_files"] == [
        ("dev.jsonl", "d1", "0.85 like t1 in train.jsonl"),
        ("held.jsonl", "h2", "1.00 like d2 in dev.jsonl"),
    ]


def test_copies_with_other_spans_are_found() -> None:
    one = marked((6, 18, "ACTOR"), name="one")
    two = marked((6, 18, "ACTOR"), (32, 36, "LOCATION"), name="two")
    checked = check(one, two)
    assert kinds(checked) == {"copy": 1, "copies_disagree": 1}
    assert checked.findings[1].examples == [
        Example("a.jsonl", "two", "LOCATION تدمر only here", "the spans of one in a.jsonl", 32, 36)
    ]


def test_one_id_in_two_files_is_found() -> None:
    checked = check_files(
        [("a", [Report("r", "نص أول", ())]), ("b", [Report("r", "نص ثان", ())])], LABELS
    )
    assert kinds(checked) == {"same_id": 1}
    assert checked.findings[0].examples == [Example("b", "r", "also in a", "an id of its own")]


def test_a_text_with_two_labels_is_a_figure_and_no_finding() -> None:
    checked = check(marked((0, 5, "ACTOR"), (13, 18, "LOCATION"), text="بغداد ترد في بغداد"))
    assert checked.findings == []
    assert checked.figures.two_labels == {"بغداد": {"ACTOR": 1, "LOCATION": 1}}


def test_five_examples_are_kept_and_all_cases_counted() -> None:
    checked = check(
        *(marked((32, 36, "PLACE"), text=f"{TEXT} {n}", name=f"r{n}") for n in range(9))
    )
    unknown = checked.findings[0]
    assert (unknown.kind, unknown.count, len(unknown.examples)) == ("unknown_label", 9, 5)
    assert "    … and 4 more" in describe(checked)


def test_the_command_prints_json_and_exits_by_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spans = [{"start": 6, "end": 18, "label": "ACTOR"}]
    good = json.dumps({"id": "g", "text": TEXT, "spans": spans})
    path = tmp_path / "a.jsonl"
    path.write_text(good + "\n", "utf-8")
    assert main(["check", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["findings"] == []
    assert said["figures"]["labels"] == {"ACTOR": 1}

    spans[0]["end"] = 17
    path.write_text(json.dumps({"id": "g", "text": TEXT, "spans": spans}) + "\n{\n", "utf-8")
    assert main(["check", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(f["kind"], f["count"]) for f in found] == [
        ("rejected: bad_json", 1),
        ("span_widened", 1),
    ]
    assert found[1]["examples"] == [
        {
            "file": str(path),
            "line": None,
            "id": "g",
            "start": 6,
            "end": 17,
            "found": "جمعية السلا",
            "expected": "6–18 جمعية السلام",
        }
    ]
    assert main(["check", str(path)]) == 1
    assert (
        f"    {path} (g) 6–17: جمعية السلا; expected 6–18 جمعية السلام" in capsys.readouterr().out
    )


def test_the_command_checks_against_the_labels_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, labels = tmp_path / "a.jsonl", tmp_path / "labels.toml"
    span = {"start": 6, "end": 18, "label": "ORG"}
    path.write_text(json.dumps({"id": "g", "text": TEXT, "spans": [span]}) + "\n", "utf-8")
    labels.write_text('[[label]]\nname = "ORG"\n', "utf-8")
    assert main(["check", str(path), "--labels", str(labels)]) == 0
    assert main(["check", str(path)]) == 1
    assert "expected one of ACTOR, LOCATION, COUNT" in capsys.readouterr().out


def test_all_missing_files_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "x.jsonl"), str(tmp_path / "y.jsonl")]) == 2
    told = capsys.readouterr().err
    assert "x.jsonl: no such file" in told and "y.jsonl: no such file" in told


CORPUS = Path(__file__).resolve().parents[2] / "shared" / "reports" / "corpus.jsonl"


@pytest.mark.skipif(not CORPUS.is_file(), reason="../shared/reports/corpus.jsonl is not there")
def test_the_corpus_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CORPUS), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert (figures["reports"], figures["annotated"], len(figures["sources"])) == (954, 954, 22)
    assert figures["labels"] == {"ACTOR": 8405, "COUNT": 7838, "LOCATION": 7484}

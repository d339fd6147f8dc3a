"""The bundled corpus: what is in it, and that nothing of it is lost on the way to tags."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from annotation import Report, Span
from annotation.bundled import CORPUS, HOME
from annotation.corpus.__main__ import main
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import find_words

ORIGINAL = HOME.parent / "shared" / "reports" / "corpus.jsonl"

REPORTS_BY_SOURCE = {
    **dict.fromkeys(["anl", "cor", "hum", "lev", "sah", "syr", "thk"], 40),
    **dict.fromkeys(["ana", "bat", "fbk", "fct", "gen", "hrd", "obs", "pal"], 45),
    **dict.fromkeys(["sec", "usa", "wag", "wrl", "yem"], 45),
    "dly": 50,
    "irq": 39,
}
SPANS_BY_LABEL = {"ACTOR": 8405, "LOCATION": 7484, "COUNT": 7838}


@pytest.fixture(scope="module")
def tasks() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((HOME / CORPUS).read_bytes())
    return loaded


@pytest.fixture(scope="module")
def reports(tasks: list[dict[str, Any]]) -> list[Report]:
    """The tasks as reports, read here by hand: the reader is not what is tested."""
    return [
        Report(
            task["data"]["id"],
            task["data"]["text"],
            tuple(
                Span(region["value"]["start"], region["value"]["end"], *region["value"]["labels"])
                for region in task["annotations"][0]["result"]
            ),
            {"source": task["data"]["source"]},
        )
        for task in tasks
    ]


def test_the_corpus_holds_954_reports_of_22_sources_under_ids_of_their_own(
    reports: list[Report],
) -> None:
    assert len(reports) == 954
    assert Counter(report.fields["source"] for report in reports) == REPORTS_BY_SOURCE
    assert len(REPORTS_BY_SOURCE) == 22
    assert len({report.id for report in reports}) == 954
    assert len({report.text for report in reports}) == 954
    assert all(report.id.startswith(f"{report.fields['source']}-") for report in reports)


def test_the_corpus_holds_23727_spans_of_the_three_labels(reports: list[Report]) -> None:
    counts = Counter(span.label for report in reports for span in report.spans or ())
    assert counts == SPANS_BY_LABEL
    assert counts.total() == 23_727
    assert set(counts) == {label.name for label in load_labels()}
    assert sum(len(find_words(report.text)) for report in reports) == 142_308
    assert all(report.spans for report in reports)


def test_every_span_of_the_corpus_covers_whole_words_of_one_line(reports: list[Report]) -> None:
    lost, moved, broken = [], [], []
    for report in reports:
        words = find_words(report.text)
        tagging = spans_to_tags(words, report.spans or ())
        lost += tagging.lost
        moved += tagging.moved
        broken += [s for s in report.spans or () if "\n" in report.text[s.start : s.end]]
        assert tags_to_spans(words, tagging.tags) == list(report.spans or ())
    assert (lost, moved, broken) == ([], [], [])


def test_the_corpus_is_what_label_studio_exports(tasks: list[dict[str, Any]]) -> None:
    assert [task["id"] for task in tasks] == sorted({task["id"] for task in tasks})
    for task in tasks:
        (annotation,) = task["annotations"]
        assert annotation["was_cancelled"] is False
        assert (task["total_annotations"], task["drafts"], task["predictions"]) == (1, [], [])
        ids = [region["id"] for region in annotation["result"]]
        assert len(set(ids)) == len(ids)
        for region in annotation["result"]:
            value = region["value"]
            assert (region["type"], region["from_name"], region["to_name"]) == (
                "labels",
                "label",
                "text",
            )
            assert value["text"] == task["data"]["text"][value["start"] : value["end"]]


def test_the_corpus_names_no_account_and_no_machine(tasks: list[dict[str, Any]]) -> None:
    for task in tasks:
        assert [annotation["completed_by"] for annotation in task["annotations"]] == [1]
        around = json.dumps({key: value for key, value in task.items() if key != "data"})
        assert not re.search(r"@|://|localhost|127\.0\.0\.1|[0-9a-f]{40}", around)


def test_the_corpus_stands_a_task_a_line(tasks: list[dict[str, Any]]) -> None:
    lines = (HOME / CORPUS).read_bytes().decode("utf-8").split("\n")
    assert (lines[0], lines[-2:]) == ("[", ["]", ""])
    assert [json.loads(line.removesuffix(",")) for line in lines[1:-2]] == tasks


def test_the_reader_of_label_studio_files_reads_the_corpus_without_a_word(
    reports: list[Report],
) -> None:
    from annotation.formats import read_records

    with Ledger() as ledger:
        read = list(ledger.sort(read_records([HOME / CORPUS])))
    assert ledger.summary() == []
    assert [(r.id, r.text, r.spans) for r in read] == [(r.id, r.text, r.spans) for r in reports]
    assert [r.fields["source"] for r in read] == [r.fields["source"] for r in reports]


def test_the_readme_of_the_corpus_counts_right(reports: list[Report]) -> None:
    readme = (HOME / Path(CORPUS).parent / "README.md").read_text("utf-8")
    rows = {
        cells[0].strip("` "): [int(cell.replace(",", "")) for cell in cells[2:]]
        for line in readme.splitlines()
        if re.match(r"\| (`[a-z]{3}`|all) ", line) and (cells := line[2:-2].split(" | "))
    }
    for source in (*REPORTS_BY_SOURCE, "all"):
        chosen = [r for r in reports if source in ("all", r.fields["source"])]
        labels = Counter(span.label for report in chosen for span in report.spans or ())
        words = sum(len(find_words(report.text)) for report in chosen)
        assert rows.pop(source) == [
            len(chosen),
            words,
            labels["ACTOR"],
            labels["LOCATION"],
            labels["COUNT"],
        ]
    assert rows == {}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            [
                {
                    "id": "a",
                    "text": "في حلب",
                    "spans": [{"start": 3, "end": 99, "label": "LOCATION"}],
                }
            ],
            "bad_span",
        ),
        ([], "a corpus is built of whole reports"),
    ],
)
def test_no_corpus_is_built_of_reports_that_are_not_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[dict[str, Any]], told: str
) -> None:
    reports_file, output = tmp_path / "reports.jsonl", tmp_path / "corpus.json"
    reports_file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert main(["build", "--reports", str(reports_file), "--output", str(output)]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [reports_file]


@pytest.mark.skipif(not ORIGINAL.is_file(), reason="the reports as written lie in ../shared only")
def test_the_corpus_equals_the_reports_that_were_imported(reports: list[Report]) -> None:
    with ORIGINAL.open(encoding="utf-8") as lines:
        written = [json.loads(line) for line in lines]
    assert [
        {
            "id": report.id,
            "source": report.fields["source"],
            "text": report.text,
            "spans": [
                {"start": s.start, "end": s.end, "label": s.label} for s in report.spans or ()
            ],
        }
        for report in reports
    ] == [
        {**report, "spans": sorted(report["spans"], key=lambda span: int(span["start"]))}
        for report in written
    ]

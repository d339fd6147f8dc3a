"""The bundled corpus: what is in it, and that nothing of it is lost on the way to tags."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from annotation import Report, Span
from annotation.bundled import CORPUS, FURTHER_WRITERS, HOME, MORE_WRITERS
from annotation.corpus.__main__ import main
from annotation.duplicates import near_duplicate_groups
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import find_words

ORIGINAL = HOME.parent / "shared" / "reports" / "corpus.jsonl"


@dataclass(frozen=True)
class Bundled:
    """A bundled file, and what is in it."""

    path: str
    reports: dict[str, int]
    """By source."""
    spans: dict[str, int]
    """By label."""
    words: int


BUNDLED = (
    Bundled(
        CORPUS,
        {
            **dict.fromkeys(["anl", "cor", "hum", "lev", "sah", "syr", "thk"], 40),
            **dict.fromkeys(["ana", "bat", "fbk", "fct", "gen", "hrd", "obs", "pal"], 45),
            **dict.fromkeys(["sec", "usa", "wag", "wrl", "yem"], 45),
            "dly": 50,
            "irq": 39,
        },
        {"ACTOR": 8405, "LOCATION": 7484, "COUNT": 7838},
        142_308,
    ),
    Bundled(
        MORE_WRITERS,
        {
            **dict.fromkeys(["gaz", "lbn", "red", "wbk"], 26),
            "nws": 29,
            **dict.fromkeys(["eco", "ngo", "off", "old", "trn", "vil"], 30),
            **dict.fromkeys(["coa", "med"], 31),
            "res": 32,
            **dict.fromkeys(["bad", "drn", "dtn", "eas", "int", "nwa", "pol", "sou", "unr"], 33),
            **dict.fromkeys(["egy", "fac", "lby", "rgt", "sdn", "shl"], 34),
            **dict.fromkeys(["fld", "mon", "opp", "tlg"], 35),
            **dict.fromkeys(["bgd", "kur", "wir"], 36),
            "kir": 37,
            **dict.fromkeys(["crm", "num"], 40),
            **dict.fromkeys(["bor", "twt"], 41),
            "ash": 44,
            **dict.fromkeys(["arm", "gzh", "hsk", "isr", "jrd", "lbs", "qad", "wbn"], 50),
            **dict.fromkeys(["alp", "chd", "jih", "sow", "tgm", "unb"], 52),
            **dict.fromkeys(["dam", "drc"], 53),
            **dict.fromkeys(["bsr", "fbp", "irk", "krd"], 54),
            "irn": 56,
            **dict.fromkeys(["bdw", "cas", "eth", "hol"], 57),
            "snd": 59,
            **dict.fromkeys(["hth", "lbt", "tun", "yms"], 63),
        },
        {"ACTOR": 19_290, "LOCATION": 19_152, "COUNT": 17_717},
        330_788,
    ),
    Bundled(
        FURTHER_WRITERS,
        {
            "lng": 25,
            **dict.fromkeys(
                [
                    "anv",
                    "bio",
                    "cst",
                    "eye",
                    "gln",
                    "irm",
                    "itv",
                    "kid",
                    "lst",
                    "mgr",
                    "opn",
                    "pan",
                    "prs",
                    "rcr",
                    "tkr",
                    "trb",
                    "trk",
                    "tsw",
                    "unx",
                    "vrd",
                    "wtr",
                ],
                50,
            ),
            "gvt": 51,
            **dict.fromkeys(["inj", "ntw"], 52),
            **dict.fromkeys(["asn", "lat"], 53),
            **dict.fromkeys(["avi", "cen", "exc"], 54),
            "mar": 55,
            "ukr": 56,
        },
        {"ACTOR": 13_287, "LOCATION": 14_098, "COUNT": 11_549},
        240_371,
    ),
)


@pytest.fixture(scope="module", params=BUNDLED, ids=lambda bundled: Path(bundled.path).stem)
def bundled(request: pytest.FixtureRequest) -> Bundled:
    one: Bundled = request.param
    return one


@pytest.fixture(scope="module")
def tasks(bundled: Bundled) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((HOME / bundled.path).read_bytes())
    return loaded


@pytest.fixture(scope="module")
def reports(tasks: list[dict[str, Any]]) -> list[Report]:
    """The tasks as reports, read here by hand: the reader is not what is tested."""
    return [report_of(task) for task in tasks]


def report_of(task: dict[str, Any]) -> Report:
    return Report(
        task["data"]["id"],
        task["data"]["text"],
        tuple(
            Span(region["value"]["start"], region["value"]["end"], *region["value"]["labels"])
            for region in task["annotations"][0]["result"]
        ),
        {"source": task["data"]["source"]},
    )


def test_the_corpus_holds_954_reports_of_22_sources_with_23727_spans() -> None:
    corpus = BUNDLED[0]
    assert (sum(corpus.reports.values()), len(corpus.reports)) == (954, 22)
    assert sum(corpus.spans.values()) == 23_727


def test_the_files_share_no_source_and_no_text() -> None:
    """So that what is learned from one is not what is measured on the other."""
    held = [
        [report_of(task) for task in json.loads((HOME / one.path).read_bytes())] for one in BUNDLED
    ]
    sources = [source for one in BUNDLED for source in one.reports]
    assert len(sources) == len(set(sources))
    texts = [report.text for reports in held for report in reports]
    assert len(texts) == len(set(texts))
    assert near_duplicate_groups(texts) == []


def test_a_file_holds_so_many_reports_of_its_sources_under_ids_of_their_own(
    bundled: Bundled, reports: list[Report]
) -> None:
    assert Counter(report.fields["source"] for report in reports) == bundled.reports
    assert len({report.id for report in reports}) == len(reports)
    assert all(report.id.startswith(f"{report.fields['source']}-") for report in reports)


def test_a_file_holds_so_many_words_and_spans_of_the_three_labels(
    bundled: Bundled, reports: list[Report]
) -> None:
    counts = Counter(span.label for report in reports for span in report.spans or ())
    assert counts == bundled.spans
    assert set(counts) == {label.name for label in load_labels()}
    assert sum(len(find_words(report.text)) for report in reports) == bundled.words


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


def test_the_corpus_stands_a_task_a_line(bundled: Bundled, tasks: list[dict[str, Any]]) -> None:
    lines = (HOME / bundled.path).read_bytes().decode("utf-8").split("\n")
    assert (lines[0], lines[-2:]) == ("[", ["]", ""])
    assert [json.loads(line.removesuffix(",")) for line in lines[1:-2]] == tasks


def test_the_reader_of_label_studio_files_reads_the_corpus_without_a_word(
    bundled: Bundled, reports: list[Report]
) -> None:
    from annotation.formats import read_records

    with Ledger() as ledger:
        read = list(ledger.sort(read_records([HOME / bundled.path])))
    assert ledger.summary() == []
    assert [(r.id, r.text, r.spans) for r in read] == [(r.id, r.text, r.spans) for r in reports]
    assert [r.fields["source"] for r in read] == [r.fields["source"] for r in reports]


def test_the_readme_of_the_corpus_counts_right(bundled: Bundled, reports: list[Report]) -> None:
    readme = (HOME / Path(CORPUS).parent / "README.md").read_text("utf-8")
    name = f"`{Path(bundled.path).name}`"
    [section] = [part for part in readme.split("\n## ") if name in part.partition("\n")[0]]
    rows = {
        cells[0].strip("` "): [int(cell.replace(",", "")) for cell in cells[2:]]
        for line in section.splitlines()
        if re.match(r"\| (`[a-z]{3}`|all) ", line) and (cells := line[2:-2].split(" | "))
    }
    for source in (*bundled.reports, "all"):
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
def test_the_corpus_equals_the_reports_that_were_imported() -> None:
    reports = [report_of(task) for task in json.loads((HOME / CORPUS).read_bytes())]
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

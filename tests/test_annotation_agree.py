import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.__main__ import main
from annotation.agreement import measure_agreement
from annotation.disagreement import agreed_spans, find_disagreements
from annotation.formats import ReadOptions, write_reports
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.readings import SharedReport, read_shared_reports
from annotation.report import Report, Span

TEXT = "نفت بغداد دخول 12 جندياً إلى ريف الحسكة الشرقي"
"""Nine words."""
COUNTRYSIDE = "ريف الحسكة الشرقي"


def marked(*spans: tuple[str, str], text: str = TEXT) -> tuple[Span, ...]:
    """Spans by label and what they cover."""
    found = [Span(text.index(part), text.index(part) + len(part), label) for label, part in spans]
    return tuple(sorted(found))


HUDA = marked(("ACTOR", "بغداد"), ("COUNT", "12 جندياً"), ("LOCATION", COUNTRYSIDE))
OMAR = marked(("LOCATION", "بغداد"), ("COUNT", "12"), ("LOCATION", COUNTRYSIDE))
SHARED = SharedReport(Report("d1", TEXT), {"huda": HUDA, "omar": OMAR})


def task(number: int, *people: tuple[Any, tuple[Span, ...]], text: str = TEXT) -> dict[str, Any]:
    """A task of an export, annotated by people in turn."""
    annotations = [
        {
            "completed_by": person,
            "created_at": f"2031-01-0{day}",
            "result": [
                {
                    "type": "labels",
                    "value": {"start": span.start, "end": span.end, "labels": [span.label]},
                }
                for span in spans
            ],
        }
        for day, (person, spans) in enumerate(people, 1)
    ]
    return {"id": number, "data": {"text": text, "id": f"d{number}"}, "annotations": annotations}


def write_export(path: Path, *tasks: dict[str, Any]) -> Path:
    path.write_text(json.dumps(tasks), "utf-8")
    return path


def write_annotator(path: Path, **spans_of: tuple[Span, ...] | None) -> Path:
    """A file of one annotator: documents with TEXT."""
    write_reports([Report(id, TEXT, spans) for id, spans in spans_of.items()], path)
    return path


def read(*sources: Path, **options: Any) -> tuple[list[SharedReport], Ledger]:
    ledger = Ledger()
    return read_shared_reports(sources, ReadOptions(**options), ledger), ledger


# Reading


def test_an_export_with_several_annotators_gives_everybodys_spans(tmp_path: Path) -> None:
    export = write_export(
        tmp_path / "export.json",
        task(1, ({"email": "omar@x.org"}, OMAR), ({"email": "huda@x.org"}, HUDA)),
        task(2, ({"email": "huda@x.org"}, ())),
        task(3),
    )
    documents, ledger = read(export)
    assert [(d.report.id, d.readings) for d in documents] == [
        ("d1", {"huda@x.org": HUDA, "omar@x.org": OMAR}),
        ("d2", {"huda@x.org": ()}),
        ("d3", {}),
    ]
    assert documents[0].report == Report("d1", TEXT, None, {"label_studio_task": 1})
    assert list(documents[0].readings) == ["huda@x.org", "omar@x.org"]
    assert ledger.rejected == 0


def test_a_file_for_each_annotator_gives_the_same(tmp_path: Path) -> None:
    write_annotator(tmp_path / "huda.jsonl", d1=HUDA, d2=(), d3=None)
    write_annotator(tmp_path / "omar.conll", d1=OMAR)
    for sources in ([tmp_path / "huda.jsonl", tmp_path / "omar.conll"], [tmp_path]):
        documents, ledger = read(*sources)
        assert [(d.report.id, d.readings) for d in documents] == [
            ("d1", {"huda": HUDA, "omar": OMAR}),
            ("d2", {"huda": ()}),
            ("d3", {}),
        ]
        assert ledger.rejected == 0


def test_what_convert_wrote_of_all_annotators_gives_the_same(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export.json", task(1, ("huda", HUDA), ("omar", OMAR)))
    converted = tmp_path / "all.jsonl"
    assert main(["convert", str(export), "--annotators", "all", "--output", str(converted)]) == 0
    assert read(converted)[0] == read(export)[0]


def test_an_export_that_names_nobody_is_its_files(tmp_path: Path) -> None:
    nameless = task(1, (None, HUDA))
    documents, _ = read(
        write_export(tmp_path / "huda.json", nameless), write_annotator(tmp_path / "o.jsonl", d1=())
    )
    assert documents[0].readings == {"huda": HUDA, "o": ()}


def test_one_name_in_two_files_is_told_with_the_file(tmp_path: Path) -> None:
    """Two servers, each with a user 1; or one person who annotated twice."""
    a = write_export(tmp_path / "a.json", task(1, (1, HUDA), (2, ())), task(2, (1, HUDA)))
    b = write_export(tmp_path / "b.json", task(1, (1, OMAR)))
    documents, _ = read(a, b)
    assert [d.readings for d in documents] == [
        {"1 (a)": HUDA, "1 (b)": OMAR, "2": ()},
        {"1 (a)": HUDA},
    ]


def test_one_name_in_two_files_with_other_documents_is_one_person(tmp_path: Path) -> None:
    a = write_export(tmp_path / "a.json", task(1, ("huda", HUDA)))
    b = write_export(tmp_path / "b.json", task(2, ("huda", HUDA)))
    documents, _ = read(a, b)
    assert [d.readings for d in documents] == [{"huda": HUDA}, {"huda": HUDA}]


def test_a_reading_of_another_text_is_set_aside_and_costs_nothing_else(tmp_path: Path) -> None:
    a = write_annotator(tmp_path / "a.jsonl", d1=HUDA, d2=HUDA)
    b = tmp_path / "b.jsonl"
    changed = TEXT.replace("12 ", "13 ")
    write_reports([Report("d1", changed, OMAR), Report("d2", TEXT, OMAR)], b)
    documents, ledger = read(a, b)
    assert [d.readings for d in documents] == [{"a": HUDA}, {"a": HUDA, "b": OMAR}]
    assert ledger.rejections == {"other_text": 1}
    assert ledger.summary()[1] == (
        f"  {b} (d1): other_text: its text is not the one in {a}: "
        f"from character 16 on {changed[16:36]!r} stands for {TEXT[16:36]!r}"
    )


def test_one_person_twice_in_a_file_is_set_aside(tmp_path: Path) -> None:
    rows = [
        Report(id, TEXT, spans, {"annotator": "huda", "document": "d1"})
        for id, spans in (("x", HUDA), ("y", OMAR))
    ]
    write_reports(rows, tmp_path / "a.jsonl")
    documents, ledger = read(tmp_path / "a.jsonl")
    assert [d.readings for d in documents] == [{"huda": HUDA}]
    assert ledger.rejections == {"duplicate_id": 1}


def test_fields_are_those_that_all_readings_agree_about(tmp_path: Path) -> None:
    for name, seconds in (("a", 30), ("b", 40)):
        fields = {"source": "dly", "document": "page 3", "seconds": seconds}
        write_reports([Report("d1", TEXT, HUDA, fields)], tmp_path / f"{name}.jsonl")
    (document,), _ = read(tmp_path)
    assert document.report == Report("d1", TEXT, None, {"source": "dly", "document": "page 3"})


def test_a_choice_between_annotators_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--annotators majority: here everybody's spans are comp"):
        read(write_annotator(tmp_path / "a.jsonl", d1=()), annotators="majority")


# Disagreements


def span(start: int, end: int, label: str = "A") -> Span:
    return Span(start, end, label)


@pytest.mark.parametrize(
    ("readings", "agreed", "found"),
    [
        ([[], []], [], []),
        ([[span(0, 4)], [span(0, 4)]], [span(0, 4)], []),
        # alone there is nobody to disagree with
        ([[span(0, 4)]], [span(0, 4)], []),
        ([[span(0, 4)], []], [], [(0, 4, ["missing"])]),
        ([[span(0, 4)], [span(0, 4, "B")]], [], [(0, 4, ["label"])]),
        ([[span(0, 4)], [span(0, 6)]], [], [(0, 6, ["boundary"])]),
        ([[span(2, 4)], [span(0, 3, "B")]], [], [(0, 4, ["boundary", "label"])]),
        # side by side is not in one place: each misses what the other has
        ([[span(0, 4)], [span(4, 6)]], [], [(0, 4, ["missing"]), (4, 6, ["missing"])]),
        # one span or two of them
        ([[span(0, 9)], [span(0, 4), span(5, 9)]], [], [(0, 9, ["boundary"])]),
        ([[span(0, 9)], [span(0, 4), span(5, 9, "B")]], [], [(0, 9, ["boundary", "label"])]),
        # a chain hangs together; what stands apart is agreed on
        (
            [[span(0, 4), span(5, 9), span(20, 22)], [span(3, 6), span(20, 22)]],
            [span(20, 22)],
            [(0, 9, ["boundary"])],
        ),
        # of three, two against one
        (
            [[span(0, 4)], [span(0, 4)], []],
            [],
            [(0, 4, ["missing"])],
        ),
        (
            [[span(0, 4)], [span(1, 4, "B")], []],
            [],
            [(0, 4, ["missing", "boundary", "label"])],
        ),
    ],
)  # fmt: skip
def test_disagreements_are_found_with_their_kinds(
    readings: list[list[Span]], agreed: list[Span], found: list[tuple[int, int, list[str]]]
) -> None:
    text = "ا" * 30
    named = {f"p{number}": tuple(spans) for number, spans in enumerate(readings)}
    shared = SharedReport(Report("d", text), named)
    assert list(agreed_spans(shared)) == agreed
    disagreements = find_disagreements(shared)
    assert [(d.start, d.end, list(d.kinds)) for d in disagreements] == found
    for one in disagreements:
        assert one.readings == {
            name: tuple(s for s in spans if s.start < one.end and one.start < s.end)
            for name, spans in named.items()
        }


layers = st.lists(st.integers(0, 20), max_size=8, unique=True).flatmap(
    lambda edges: st.lists(
        st.sampled_from("AB"), min_size=len(edges) // 2, max_size=len(edges) // 2
    ).map(
        lambda labels: tuple(
            Span(start, end, label)
            for start, end, label in zip(
                sorted(edges)[::2], sorted(edges)[1::2], labels, strict=False
            )
        )
    )
)


@given(st.lists(layers, min_size=2, max_size=3))
def test_agreed_spans_and_disagreements_hold_every_span_once(
    readings: list[tuple[Span, ...]],
) -> None:
    shared = SharedReport(Report("d", "ا" * 21), {str(i): s for i, s in enumerate(readings)})
    agreed, disagreements = agreed_spans(shared), find_disagreements(shared)
    for name, spans in shared.readings.items():
        disputed = [span for one in disagreements for span in one.readings[name]]
        assert sorted([*agreed, *disputed]) == list(spans)
    assert bool(disagreements) == (len(set(readings)) > 1)


# Figures


def test_figures_are_those_counted_by_hand() -> None:
    found = measure_agreement([SHARED])
    (pair,) = found.pairs
    assert (pair.annotators, pair.documents, pair.words) == (("huda", "omar"), 1, 9)
    rows = {row.label: row for row in pair.rows()}
    assert {label: (row.marked, row.strict_f1, row.overlap_f1) for label, row in rows.items()} == {
        "ACTOR": ((1, 0), 0, 0),
        "COUNT": ((1, 1), 0, 1),
        "LOCATION": ((1, 2), 2 / 3, 2 / 3),
        "all": ((3, 3), 1 / 3, 2 / 3),
    }
    # Tags: seven of nine words alike; by chance (3·4 + 1·1 + 1·2 + 2·2) / 81 of them.
    assert rows["all"].kappa == pytest.approx(44 / 62)
    assert rows["LOCATION"].kappa == pytest.approx(30 / 39)
    assert rows["COUNT"].kappa == pytest.approx(14 / 23)
    assert rows["ACTOR"].kappa == pytest.approx(0)
    assert found.kappa == pytest.approx(44 / 62)
    assert found.annotators == []
    assert found.readers == {2: 1}


def test_who_agrees_in_all_has_full_figures_and_no_disagreement() -> None:
    found = measure_agreement([SharedReport(Report("d", TEXT), {"a": HUDA, "b": HUDA})])
    for row in found.pairs[0].rows():
        assert (row.strict_f1, row.overlap_f1, row.kappa) == (1, 1, 1)
    assert found.disagreements == []


def test_where_nobody_marks_anything_chance_is_not_corrected_for() -> None:
    found = measure_agreement([SharedReport(Report("d", TEXT), {"a": (), "b": ()})])
    assert found.kappa is None
    assert [(row.label, row.kappa) for row in found.pairs[0].rows()] == [("all", None)]


def test_of_three_each_pair_and_each_with_all_others_is_told() -> None:
    documents = [
        SharedReport(Report("d1", TEXT), {"a": HUDA, "b": HUDA, "c": OMAR}),
        SharedReport(Report("d2", TEXT), {"a": HUDA, "c": HUDA}),
        SharedReport(Report("d3", TEXT), {"b": HUDA}),
        SharedReport(Report("d4", TEXT), {}),
    ]
    found = measure_agreement(documents)
    assert found.readers == {0: 1, 1: 1, 2: 1, 3: 1}
    figures = {pair.annotators: (pair.documents, pair.strict.micro.f1) for pair in found.pairs}
    assert figures == {("a", "b"): (1, 1), ("a", "c"): (2, 4 / 6), ("b", "c"): (1, 1 / 3)}
    strict = {one.annotators: (one.documents, one.strict.micro) for one in found.annotators}
    assert {
        name: (documents, counts.matched, counts.gold, counts.predicted)
        for (name,), (documents, counts) in strict.items()
    } == {"a": (3, 7, 9, 9), "b": (2, 4, 6, 6), "c": (3, 5, 9, 9)}
    # c marked the LOCATION that the others have as an ACTOR, and not the other way round.
    (c,) = (one for one in found.annotators if one.annotators == ("c",))
    assert next(row.marked for row in c.rows() if row.label == "ACTOR") == (1, 3)
    assert found.pairs[0].kappa == 1
    mean = (1 * 9 + found.pairs[1].kappa * 18 + 44 / 62 * 9) / 36
    assert found.kappa == pytest.approx(mean)
    assert [d.document for d in found.disagreements] == ["d1", "d1"]


def test_nobody_in_common_is_an_error_that_says_what_was_expected() -> None:
    documents = [
        SharedReport(Report("d1", TEXT), {"a": HUDA}),
        SharedReport(Report("d2", TEXT), {"b": HUDA}),
    ]
    with pytest.raises(UserError) as caught:
        measure_agreement(documents)
    assert "no report was annotated by two: 2 reports, annotated by a, b" in str(caught.value)
    assert "the same ids" in str(caught.value)


# The command


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_annotator(tmp_path / "huda.jsonl", d1=HUDA, d2=HUDA)
    write_annotator(tmp_path / "omar.jsonl", d1=OMAR, d2=HUDA)
    return [str(tmp_path / "huda.jsonl"), str(tmp_path / "omar.jsonl")]


def test_the_command_prints_figures_and_disagreements(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agree", *files]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "2 documents: 2 annotated by two or more, 0 by one, 0 by nobody"
    assert "huda and omar: 2 documents, 18 words" in shown
    row = next(line.split() for line in shown if line.startswith("LOCATION"))
    assert row[:5] == ["LOCATION", "2", "3", "0.8000", "0.8000"]
    assert "2 disagreements (missing 0, boundary 1, label 1; one may be of several kinds)" in shown
    place = shown.index("  d1 4–9 label")
    assert shown[place + 1 : place + 3] == [
        "    huda: ACTOR 4–9 بغداد",
        "    omar: LOCATION 4–9 بغداد",
    ]


def test_the_command_prints_json(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agree", *files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["documents_by_number_of_annotators"] == {"2": 2}
    assert told["pairs"][0]["labels"]["COUNT"]["marked"] == [2, 2]
    assert [(d["document"], d["start"], d["end"], d["kinds"]) for d in told["disagreements"]] == [
        ("d1", 4, 9, ["label"]),
        ("d1", 15, 24, ["boundary"]),
    ]


def test_all_disagreements_go_into_a_table_or_lines(files: list[str], tmp_path: Path) -> None:
    assert main(["agree", *files, "--output", str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [
        ["document", "start", "end", "kinds", "text", "huda", "omar"],
        ["d1", "4", "9", "label", "بغداد", "ACTOR 4–9 بغداد", "LOCATION 4–9 بغداد"],
        ["d1", "15", "24", "boundary", "12 جندياً", "COUNT 15–24 12 جندياً", "COUNT 15–17 12"],
    ]
    assert (tmp_path / "out.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    assert main(["agree", *files, "--output", str(tmp_path / "out.jsonl")]) == 0
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[1])["readings"] == {
        "huda": [{"start": 15, "end": 24, "label": "COUNT"}],
        "omar": [{"start": 15, "end": 17, "label": "COUNT"}],
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--output", "out.txt"], "out.txt: its name does not tell the form; expected .csv or"),
        (["--annotators", "first"], "--annotators first: here everybody's spans are compared"),
        (["missing.jsonl"], "missing.jsonl: no such file or folder"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_two(
    files: list[str], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agree", *files, *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_what_was_set_aside_is_told_and_one(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(files[0]).open("a", encoding="utf-8") as stream:
        stream.write(
            '{"id": "d9", "text": "نص", "spans": [{"start": 1, "end": 9, "label": "A"}]}\n'
        )
    assert main(["agree", *files]) == 1
    shown = capsys.readouterr()
    assert "set aside: 1 × bad_span" in shown.err
    assert "2 documents: 2 annotated by two or more" in shown.out

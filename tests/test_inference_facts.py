"""`facts`: reports with spans in, the same with what each span says out."""

import gzip
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from annotation.report import Report, Span
from inference.__main__ import main
from inference.actors import load_actors
from inference.facts import FactReader, read_facts, report_date

Printed = pytest.CaptureFixture[str]


def row(report_id: str, marked: str, **more: Any) -> dict[str, Any]:
    """A report whose text has `[A:نص]` for an ACTOR, [L: for a LOCATION, [C: for a COUNT."""
    labels = {"A": "ACTOR", "L": "LOCATION", "C": "COUNT", "W": "WEAPON"}
    text, spans = "", []
    for part in marked.split("["):
        inside, closed, rest = part.partition("]")
        if closed:
            label, _, name = inside.partition(":")
            end = len(text) + len(name)
            spans.append({"start": len(text), "end": end, "label": labels[label]})
            text += name + rest
        else:
            text += part
    return {"id": report_id, "text": text, "spans": spans, **more}


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), "utf-8")
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def facts(tmp_path: Path, rows: Sequence[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    """What the command writes of `rows`; it must end well."""
    output = tmp_path / "facts.jsonl"
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert main(["facts", str(source), "--output", str(output), *more]) == 0
    return lines_of(output)


def fields(line: dict[str, Any], *names: str) -> list[list[Any]]:
    return [[span.get(name) for name in names] for span in line["spans"]]


def test_every_span_comes_back_with_what_it_says(tmp_path: Path) -> None:
    before = row(
        "r1",
        "قصف [A:وقسد] [L:بريف الرقة] ومقتل [C:3 جنود] بصاروخ [W:غراد] بيد [A:حركة أبناء السهل]",
        source="s",
        date="2021-05-04T10:00:00+03:00",
    )
    (after,) = facts(tmp_path, [before])
    assert {key: after[key] for key in after if key != "spans"} == {
        key: before[key] for key in before if key != "spans"
    }
    known, place, count, weapon, unknown = after["spans"]
    assert known == {
        **before["spans"][0],
        "name_start": 5,
        "name_end": 8,
        "name": "قسد",
        "proclitics": "و",
        "name_evidence": "table",
        "actor_id": "sy-sdf",
        "actor": "قوات سوريا الديمقراطية",
        "match": "exact",
    }
    assert place == {
        **before["spans"][1],
        "name_start": 10,
        "name_end": 19,
        "name": "ريف الرقة",
        "proclitics": "ب",
        "name_evidence": "word",
        "place_id": "SY-RA",
        "place": "الرقة",
        "latitude": 36.0,
        "longitude": 38.9,
        "level": "division",
        "country": "SY",
        "relation": "countryside",
        "match": "relation",
        "candidates": ["SY-RA", "SY-RA-raqqa"],
    }
    assert count["start"] == before["spans"][2]["start"]
    assert {"value", "minimum", "maximum", "bound", "counted", "what"} <= count.keys()
    assert "name" not in count
    assert weapon == before["spans"][3], "a label that nobody reads is left as it is"
    assert (unknown["actor_id"], unknown["match"]) == (None, "unknown")
    assert (unknown["cluster"], unknown["actor"]) == ("unknown-1", "حركة أبناء السهل")


def test_names_are_read_by_what_other_reports_of_the_run_show(tmp_path: Path) -> None:
    first = row("r1", "شوهد [L:بمرزون]")
    assert fields(facts(tmp_path, [first])[0], "name") == [["بمرزون"]]
    later = row("r2", "وصل إلى [L:مرزون]")
    assert fields(facts(tmp_path, [first, later])[0], "name", "name_evidence") == [["مرزون", "run"]]


def test_unknown_parties_keep_their_ids_through_a_run(tmp_path: Path) -> None:
    read = facts(
        tmp_path,
        [
            row("r1", "قال [A:سامر الحموي] عن [A:كتيبة النخيل] ثم أضاف [A:الحموي]"),
            row("r2", "انسحبت [A:النخيل] و[A:كتيبه النخيل] وقال [A:الحموي] ذلك"),
            row("r3", "قال [A:نادر الحموي] ثم أضاف [A:الحموي]"),
        ],
    )
    assert [span["cluster"] for line in read for span in line["spans"]] == [
        *("unknown-1", "unknown-2", "unknown-1"),
        *("unknown-2", "unknown-2", "unknown-3"),
        *("unknown-4", "unknown-4"),
    ]


def test_candidates_are_told_and_settled_by_report_and_date(tmp_path: Path) -> None:
    read = facts(
        tmp_path,
        [
            row("r1", "نفت [A:وزارة الدفاع] ذلك"),
            row("r2", "قالت [A:وزارة الدفاع التركية] ونفت [A:وزارة الدفاع] ذلك"),
            row("r3", "قالت [A:بغداد] و[A:الحشد الشعبي] ونفت [A:وزارة الدفاع] ذلك"),
            row("r4", "انسحب [A:الجيش السوري]", date="2015-06-01"),
        ],
    )
    last = [line["spans"][-1] for line in read]
    assert [(span["match"], span["actor_id"]) for span in last] == [
        ("ambiguous", None),
        ("report", "tr-mod"),
        ("company", "iq-mod"),
        ("date", "sy-assad-forces"),
    ]
    assert last[0]["candidates"] == ["sy-mod", "iq-mod", "tr-mod", "ru-mod"]
    assert last[0]["actor"] is None


def test_facts_of_facts_are_the_same(tmp_path: Path) -> None:
    rows = [
        row("r1", "قصف [A:لداعش] [L:بالحويجة] وقتل [C:12 جندياً] ونفت [A:وزارة الدفاع]"),
        row("r2", "لا شيء هنا"),
    ]
    once = facts(tmp_path, rows)
    assert facts(tmp_path, once) == once


def test_the_spans_of_a_predictions_file_are_joined_by_id(tmp_path: Path, capsys: Printed) -> None:
    rows = [row("r1", "قصف [A:وقسد]", source="s"), row("r2", "قال [A:زيد]"), row("r3", "ثم")]
    predicted = [
        {"id": "r9", "spans": []},
        {"id": "r3", "spans": [{"start": 0, "end": 9, "label": "ACTOR"}]},
        {"id": "r1", "spans": [{"start": 4, "end": 8, "label": "ACTOR", "score": 0.5}]},
    ]
    predictions = write_lines(tmp_path / "predictions.jsonl", predicted)
    source = write_lines(tmp_path / "in.jsonl", rows)
    output = tmp_path / "facts.jsonl"
    more = ["--predictions", str(predictions), "--output", str(output)]
    assert main(["facts", str(source), *more]) == 1, "a report was set aside"
    first, second = lines_of(output)
    assert (first["id"], first["source"]) == ("r1", "s")
    assert [(s["score"], s["name"], s["actor_id"]) for s in first["spans"]] == [
        (0.5, "قسد", "sy-sdf")
    ]
    assert second == {"id": "r2", "text": "قال زيد"}, "gold spans are not mixed in"
    (rejected,) = lines_of(Path(f"{output}.rejected.jsonl"))
    assert (rejected["id"], rejected["reason"]) == ("r3", "bad_span")
    assert "outside the text of 2 characters" in rejected["message"]
    told = capsys.readouterr().err
    assert f"r2: report without spans: no prediction in {predictions} has its id" in told
    assert f"{predictions} (r9): prediction without a report: no report has its id" in told


def test_reports_that_nobody_read_are_told_and_written(tmp_path: Path, capsys: Printed) -> None:
    assert facts(tmp_path, [{"id": "r1", "text": "قصف"}]) == [{"id": "r1", "text": "قصف"}]
    assert "r1: report without spans: it has no spans; annotate it, or" in capsys.readouterr().err


def test_a_bad_report_costs_itself_alone(tmp_path: Path) -> None:
    good = row("r2", "قصف [A:وقسد]")
    source = write_lines(tmp_path / "in.jsonl", [{"id": "r1", "text": 7}, good])
    output = tmp_path / "facts.jsonl"
    assert main(["facts", str(source), "--output", str(output)]) == 1
    assert [line["id"] for line in lines_of(output)] == ["r2"]


def test_facts_flow_from_standard_input_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    line = json.dumps(row("r1", "قصف [A:وقسد] وقتل [C:3]"), ensure_ascii=False) + "\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    assert main(["facts", "-", "--output", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["spans"][0]["name"] == "قسد"
    assert "ACTOR exact: 1\n" in printed.err


def test_outputs_are_packed_by_their_names(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [row("r1", "قصف [A:وقسد]")])
    output = tmp_path / "facts.jsonl.gz"
    assert main(["facts", str(source), "--output", str(output)]) == 0
    assert json.loads(gzip.decompress(output.read_bytes()))["spans"][0]["name"] == "قسد"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("facts.txt", "its name does not tell what to write; expected .jsonl, .ndjson for reports"),
        ("facts", "its name does not tell what to write"),
        ("facts.json", "its name does not tell what to write"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_read(
    tmp_path: Path, capsys: Printed, name: str, told: str
) -> None:
    output = tmp_path / name
    assert main(["facts", "nowhere.jsonl", "--output", str(output)]) == 2
    assert capsys.readouterr().err.startswith(f"{output}: {told}")
    assert not list(tmp_path.iterdir())


def test_ones_own_table_takes_the_place_of_the_one_that_rasd_brings(tmp_path: Path) -> None:
    table = tmp_path / "ours.csv"
    header = "id,name_ar,name_en,kind,aliases,valid_from,valid_to\n"
    table.write_text(f"{header}palms,كتيبة النخيل,Palms,armed group,النخيل,,\n", "utf-8")
    (line,) = facts(
        tmp_path, [row("r1", "انسحبت [A:وقسد] وكان [A:لكتيبة النخيل] دور")], "--actors", str(table)
    )
    assert fields(line, "actor_id", "name") == [[None, "قسد"], ["palms", "كتيبة النخيل"]]


def test_an_unknown_place_has_nulls_and_a_reason(tmp_path: Path, capsys: Printed) -> None:
    (line,) = facts(tmp_path, [row("r1", "في [L:تل الرماد] ثم [L:حلب]")])
    unknown, known = line["spans"]
    nulls = ("place_id", "place", "latitude", "longitude", "level", "country", "relation")
    assert [unknown[key] for key in nulls] == [None] * 7
    assert (unknown["match"], unknown["reason"]) == (
        "unknown",
        "the gazetteer has no place that is called تل الرماد",
    )
    assert "reason" not in known
    told = capsys.readouterr().err
    assert "LOCATION nested: 1\n" in told
    assert "LOCATION unknown: 1\n" in told


def test_parties_tell_in_which_country_a_place_is_meant(tmp_path: Path) -> None:
    read = facts(
        tmp_path,
        [
            row("r1", "قالت [A:الحكومة اللبنانية] إن [L:طرابلس] هادئة"),
            row("r2", "قالت [A:قوات حفتر] إن [L:طرابلس] هادئة"),
        ],
    )
    assert [line["spans"][1]["country"] for line in read] == ["LB", "LY"]
    assert [line["spans"][1]["match"] for line in read] == ["country", "country"]


def test_gazetteers_are_read_in_the_order_of_trust_and_their_bad_rows_told(
    tmp_path: Path, capsys: Printed
) -> None:
    first, second = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    header = "id,name_ar,latitude,longitude\n"
    first.write_text(f"{header}ours,تل الرماد,35.0,40.0\nbad,تل,95,40\n", "utf-8")
    second.write_text(f"{header}theirs,تل الرماد,35.1,40.1\noak,تل الزان,36.0,41.0\n", "utf-8")
    source = write_lines(tmp_path / "in.jsonl", [row("r1", "في [L:تل الرماد] و[L:تل الزان]")])
    output = tmp_path / "facts.jsonl"
    places = ["--places", str(first), "--places", str(second)]
    assert main(["facts", str(source), *places, "--output", str(output)]) == 1
    (line,) = lines_of(output)
    assert fields(line, "place_id", "latitude") == [["ours", 35.0], ["oak", 36.0]]
    told = "bad: latitude is 95, expected degrees from -90 to 90"
    assert lines_of(Path(f"{output}.rejected.jsonl")) == [
        {"file": str(first), "line": 3, "id": None, "reason": "bad_place", "message": told}
    ]
    assert f"{first}:3: bad_place: {told}" in capsys.readouterr().err


def test_a_gazetteer_that_cannot_be_read_stops_the_command(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("id,name_ar,lat,longitude\n", "utf-8")
    source = write_lines(tmp_path / "in.jsonl", [row("r1", "في [L:تل الرماد]")])
    output = tmp_path / "facts.jsonl"
    assert main(["facts", str(source), "--places", str(path), "--output", str(output)]) == 2
    assert f"{path}:1: no column latitude; expected at least" in capsys.readouterr().err
    assert not output.exists()


def test_a_bad_table_is_told_whole_and_nothing_is_written(tmp_path: Path, capsys: Printed) -> None:
    table = tmp_path / "ours.csv"
    header = "id,name_ar,name_en,kind,aliases,valid_from,valid_to\n"
    table.write_text(f"{header}a,حزب النخيل,,party,,,\na,النَّخيل,,,,,\n", "utf-8")
    source = write_lines(tmp_path / "in.jsonl", [row("r1", "قصف [A:وقسد]")])
    output = tmp_path / "facts.jsonl"
    assert main(["facts", str(source), "--actors", str(table), "--output", str(output)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{table}:3: a: no kind; it must be given",
        f"{table}:3: id a stood first in line 2, expected once",
    ]
    assert not output.exists()


def test_no_report_is_read_before_all_are_learned() -> None:
    reader = FactReader(load_actors())
    learned = []

    def reports() -> Any:
        for number in range(3):
            learned.append(number)
            yield Report(str(number), "قصف وقسد", (Span(4, 8, "ACTOR"),))

    stream = read_facts(reports(), reader)
    assert learned == []
    assert next(stream).id == "0"
    assert learned == [0, 1, 2]
    assert [report.id for report in stream] == ["1", "2"]


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2021-05-04", "2021-05-04"),
        ("2021-05-04T10:00:00Z", "2021-05-04"),
        ("4/5/2021", None),
        ("2021-02-30", None),
        (20210504, None),
        (None, None),
    ],
)
def test_the_day_of_a_report_is_that_of_its_date(date: object, day: str | None) -> None:
    assert report_date(Report("r", "", fields={"date": date})) == day

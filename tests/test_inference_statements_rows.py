"""Rows in files: CSV, Parquet, GeoJSON, and the commands that write them."""

import csv
import datetime
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from marked import report
from tiny import invent_reports

from annotation.ledger import Ledger
from annotation.report import Report, Span
from inference.__main__ import main
from inference.statements import Day, Event, Party, Statement, Tie
from inference.statements.columns import COLUMNS, statement_to_cells
from inference.statements.writing import write_csv, write_geojson, write_rows

Printed = pytest.CaptureFixture[str]
ON_THE_MAP = (
    *("place_id", "place", "latitude", "longitude", "level", "country", "relation"),
    "coordinates_of",
)


def statement(**more: Any) -> Statement:
    """A row with all there is to tell."""
    afis = {"place_id": "p1", "place": "آفس", "level": "town", "country": "SY"}
    village = Span(20, 24, "LOCATION", 0.7, {**afis, "latitude": 35.9, "longitude": 36.8})
    idlib = {"place_id": "SY-ID", "place": "إدلب", "level": "division", "country": "SY"}
    idlib |= {"relation": "countryside"}
    province = Span(25, 34, "LOCATION", 0.6, {**idlib, "latitude": 35.8, "longitude": 36.6})
    count = {"value": 5, "minimum": 5, "maximum": 5, "bound": "exact", "what": "killed"}
    day = datetime.date(2021, 5, 3)
    whole = Statement(
        report="r",
        source="s",
        report_day=datetime.date(2021, 5, 4),
        sentence="قتلت قسد 5 في آفس بريف إدلب أمس",
        start=0,
        end=40,
        counts=(Span(9, 10, "COUNT", 0.9, {**count, "counted": "مدنيين"}),),
        count_text="5",
        who=Tie((Party(Span(5, 8, "ACTOR", 0.8), "قوات سوريا الديمقراطية", "sy-sdf"),), "subject"),
        whom=None,
        where=Tie((Party(village, "آفس", "p1"),), "clause", guessed=True),
        within=(Party(province, "ريف إدلب", "SY-ID"),),
        day=Day(day, day, "relative", 35, 38),
    )
    return replace(whole, **more)


def table_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_lines(path: Path, reports: Sequence[Report]) -> Path:
    lines = []
    for one in reports:
        spans = [{"start": s.start, "end": s.end, "label": s.label} for s in one.spans or ()]
        lines.append({"id": one.id, "text": one.text, "spans": spans, **one.fields})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, "utf-8")
    return path


def test_cells_stand_in_the_order_of_the_columns() -> None:
    cells = statement_to_cells(statement())
    assert list(cells) == list(COLUMNS)
    assert {name: cells[name] for name in ("who", "who_id", "who_spans", "who_rule")} == {
        "who": ["قوات سوريا الديمقراطية"],
        "who_id": ["sy-sdf"],
        "who_spans": ["5–8"],
        "who_rule": "subject",
    }
    assert (cells["who_score"], cells["count_score"], cells["where_score"]) == (0.8, 0.9, 0.7)
    assert cells["score"] == 0.7, "a row is as sure as the least sure of its spans"
    assert (cells["whom"], cells["whom_rule"], cells["whom_score"]) == ([], None, None)
    assert {name: cells[name] for name in ON_THE_MAP} == {
        "place_id": "p1",
        "place": "آفس",
        "latitude": 35.9,
        "longitude": 36.8,
        "level": "town",
        "country": "SY",
        "relation": None,
        "coordinates_of": "آفس",
    }
    assert (cells["date"], cells["date_rule"]) == (datetime.date(2021, 5, 3), "relative")
    assert cells["guessed"] == ["where"]
    assert (cells["within"], cells["within_id"]) == (["ريف إدلب"], ["SY-ID"])


def test_of_a_place_that_is_not_known_the_one_around_it_stands_on_the_map() -> None:
    unknown = Tie((Party(Span(20, 24, "LOCATION", 0.7), "آفس", None),), "clause")
    cells = statement_to_cells(statement(where=unknown))
    assert (cells["where"], cells["where_id"]) == (["آفس"], [""])
    assert [cells[name] for name in ON_THE_MAP] == [
        *("SY-ID", "إدلب", 35.8, 36.6, "division", "SY", "countryside", "ريف إدلب")
    ]
    nowhere = statement_to_cells(statement(where=unknown, within=()))
    assert [nowhere[name] for name in ON_THE_MAP] == [None] * 8


def test_an_event_has_its_word_in_place_of_a_number() -> None:
    told = statement(counts=(), count_text="", event=Event("strikes", "قصفت", 3, 7))
    cells = statement_to_cells(told)
    assert (cells["id"], cells["what"]) == ("r:3", "strikes")
    assert (cells["event"], cells["event_spans"]) == ("قصفت", ["3–7"])
    blank = ("value", "minimum", "maximum", "bound", "counted", "reason", "count", "count_score")
    assert [cells[name] for name in blank] == [None] * 8
    assert cells["count_spans"] == []
    assert cells["score"] == 0.7
    number = statement_to_cells(statement())
    assert (number["event"], number["event_spans"]) == (None, [])


def test_what_64_bits_cannot_hold_is_no_cell() -> None:
    count = Span(9, 10, "COUNT", None, {"value": 2**63, "minimum": 2**63 - 1, "bound": "exact"})
    cells = statement_to_cells(statement(counts=(count,)))
    assert (cells["value"], cells["minimum"]) == (None, 2**63 - 1)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, "ريف إدلب"),
        ({"latitude": 91, "longitude": 36}, "ريف إدلب"),
        ({"latitude": "35", "longitude": 36}, "ريف إدلب"),
        ({"latitude": True, "longitude": 36}, "ريف إدلب"),
        ({"latitude": 35, "longitude": -180}, "آفس"),
    ],
)
def test_a_row_stands_on_the_map_where_a_place_has_coordinates(
    fields: dict[str, Any], place: str
) -> None:
    where = Tie((Party(Span(20, 24, "LOCATION", None, fields), "آفس", None),), "clause")
    assert statement_to_cells(statement(where=where))["coordinates_of"] == place


def test_csv_parts_several_values_and_leaves_blanks_for_none() -> None:
    two = Tie(
        (
            Party(Span(5, 8, "ACTOR"), "قسد", "sy-sdf"),
            Party(Span(9, 12, "ACTOR"), "التحالف", None),
        ),
        "subject",
    )
    stream = io.StringIO(newline="")
    assert write_csv([statement(who=two)], stream, Ledger()) == 1
    (row,) = table_of(stream.getvalue())
    assert list(row) == list(COLUMNS)
    assert (row["who"], row["who_id"], row["who_spans"]) == ("قسد|التحالف", "sy-sdf|", "5–8|9–12")
    assert (row["whom"], row["part_of"], row["value"], row["date"]) == ("", "", "5", "2021-05-03")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_would_reckon_is_text_in_csv(start: str) -> None:
    stream = io.StringIO(newline="")
    evil = f'{start}HYPERLINK("http://x")'
    who = Tie((Party(Span(5, 8, "ACTOR"), evil, None),), "subject")
    write_csv([statement(sentence=evil, report=evil, who=who)], stream, Ledger())
    (row,) = table_of(stream.getvalue())
    assert [row[name] for name in ("sentence", "report", "who")] == [f"'{evil}"] * 3
    assert row["id"] == f"'{evil}:9"


def test_csv_is_for_spreadsheets_and_parquet_has_types(tmp_path: Path) -> None:
    rows = [statement(), statement(who=None, where=None, within=(), day=None, source=None)]
    assert write_rows(rows, tmp_path / "rows.csv", Ledger()) == 2
    assert (tmp_path / "rows.csv").read_bytes().startswith(b"\xef\xbb\xbfid,report,")
    assert write_rows(rows, tmp_path / "rows.parquet", Ledger()) == 2
    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.schema.names == list(COLUMNS)
    kinds = {name: table.schema.field(name).type for name in ("date", "value", "who", "latitude")}
    assert kinds == {
        "date": pa.date32(),
        "value": pa.int64(),
        "who": pa.list_(pa.field("element", pa.string())),
        "latitude": pa.float64(),
    }
    assert table.to_pylist() == [statement_to_cells(row) for row in rows]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".geojson"])
def test_no_rows_are_a_whole_file_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    assert write_rows([], path, Ledger()) == 0
    if suffix == ".geojson":
        assert json.loads(path.read_text("utf-8")) == {"type": "FeatureCollection", "features": []}
    elif suffix == ".parquet":
        assert pq.read_table(path).num_rows == 0
    else:
        assert path.read_text("utf-8-sig").splitlines() == [",".join(COLUMNS)]


def test_geojson_holds_rows_with_coordinates_and_tells_the_others() -> None:
    north = Party(Span(1, 2, "LOCATION", None, {"latitude": 1.5, "longitude": 2}), "أ", None)
    south = Party(Span(3, 4, "LOCATION", None, {"latitude": -1, "longitude": 2.5}), "ب", None)
    unknown = Tie((Party(Span(5, 6, "LOCATION"), "آفس", None),), "clause")
    rows = [
        statement(),
        statement(where=None, within=()),
        statement(where=unknown, within=()),
        statement(where=Tie((north, south), "clause")),
    ]
    ledger, stream = Ledger(), io.StringIO()
    assert write_geojson(rows, stream, ledger) == 2
    first, second = json.loads(stream.getvalue())["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [36.8, 35.9]}
    assert first["id"] == "r:9"
    assert first["properties"]["date"] == "2021-05-03"
    assert first["properties"]["who_id"] == ["sy-sdf"]
    assert second["geometry"] == {"type": "MultiPoint", "coordinates": [[2.0, 1.5], [2.5, -1.0]]}
    assert ledger.repairs == {"row without coordinates": 2}
    assert ledger.summary()[1:] == [
        "  r:9: row without coordinates: '5' is left out of the map: no place is tied to it",
        "  r:9: row without coordinates: '5' is left out of the map: "
        "no coordinates are known of آفس",
    ]


def reports_of_a_run() -> list[Report]:
    first = report("قتلت [A:قسد] [C:5 مسلحين] في سوق بلدة [L:آفس] أمس، والقصف مستمر")
    second = report("مقتل [C:خمسة مسلحين] في سوق بلدة [L:آفس] أمس والقصف مستمر")
    third = report("لا شيء هنا")
    return [
        replace(first, id="a", fields={"date": "2021-05-04", "source": "s"}),
        replace(second, id="b", fields={"date": "2021-05-04"}),
        replace(third, id="c", fields={"date": "04.05.2021"}),
    ]


def test_the_command_writes_a_row_a_statement(tmp_path: Path, capsys: Printed) -> None:
    source = write_lines(tmp_path / "in.jsonl", reports_of_a_run())
    output = tmp_path / "rows.csv"
    assert main(["facts", str(source), "--output", str(output)]) == 0
    rows = table_of(output.read_text("utf-8-sig"))
    columns = ("id", "source", "date", "who_id", "whom", "where", "where_id", "value", "group")
    assert [[row[name] for name in columns] for row in rows] == [
        ["a:9", "s", "2021-05-03", "sy-sdf", "مسلحين", "آفس", "SY-ID-afis", "5", "toll-1"],
        ["b:5", "", "2021-05-03", "", "مسلحين", "آفس", "SY-ID-afis", "5", "toll-1"],
    ]
    assert {row["group_reports"] for row in rows} == {"2"}
    assert [rows[0][name] for name in ON_THE_MAP] == [
        *("SY-ID-afis", "آفس", "35.91", "36.79", "town", "SY", "", "آفس")
    ]
    told = capsys.readouterr().err
    assert "c: date not understood: '04.05.2021', expected a day such as 2021-05-04" in told


def test_rows_are_the_same_in_every_form_and_run(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", reports_of_a_run())
    for name in ("one.csv", "two.csv", "rows.parquet", "map.geojson"):
        assert main(["facts", str(source), "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    ids = [row["id"] for row in table_of((tmp_path / "one.csv").read_text("utf-8-sig"))]
    assert pq.read_table(tmp_path / "rows.parquet").column("id").to_pylist() == ids


def test_events_stand_among_the_numbers_in_every_form(tmp_path: Path, capsys: Printed) -> None:
    one = report(
        "قصفت [A:قوات النظام] مواقع [A:لقسد] في [L:منبج] أمس، ما أدى إلى مقتل [C:3 مدنيين]."
        " ثم انسحبت [A:قسد] من [L:تل الرماد]",
        date="2021-05-04",
    )
    source = write_lines(tmp_path / "in.jsonl", [one])
    for name in ("rows.csv", "rows.parquet", "map.geojson"):
        assert main(["facts", str(source), "--output", str(tmp_path / name)]) == 0
    rows = table_of((tmp_path / "rows.csv").read_text("utf-8-sig"))
    columns = ("what", "value", "event", "who_id", "whom_id", "where", "date")
    day = "2021-05-03"
    assert [[row[name] for name in columns] for row in rows] == [
        ["strikes", "", "قصفت", "sy-assad-forces", "sy-sdf", "منبج", day],
        ["killed", "3", "", "sy-assad-forces", "", "منبج", day],
        ["withdrawal", "", "انسحبت", "sy-sdf", "", "تل الرماد", "2021-05-04"],
    ]
    assert [row["group"] for row in rows] == ["", "", ""], "only numbers are grouped"
    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.column("event").to_pylist() == ["قصفت", None, "انسحبت"]
    assert table.column("value").to_pylist() == [None, 3, None]
    features = json.loads((tmp_path / "map.geojson").read_text("utf-8"))["features"]
    assert [one["properties"]["what"] for one in features] == ["strikes", "killed"]
    told = capsys.readouterr().err
    assert "'انسحبت' is left out of the map: no coordinates are known of تل الرماد" in told


def test_a_map_of_reports_has_their_places(tmp_path: Path, capsys: Printed) -> None:
    more = report("مقتل [C:3] في [L:ريف حلب الشرقي]، و[C:4] في [L:تل الرماد]")
    source = write_lines(tmp_path / "in.jsonl", [*reports_of_a_run(), replace(more, id="d")])
    output = tmp_path / "map.geojson"
    assert main(["facts", str(source), "--output", str(output)]) == 0
    features = json.loads(output.read_text("utf-8"))["features"]
    afis = {"type": "Point", "coordinates": [36.79, 35.91]}
    assert [one["id"] for one in features] == ["a:9", "b:5", "d:5"]
    assert [one["geometry"] for one in features[:2]] == [afis, afis]
    east = features[2]
    assert east["geometry"]["coordinates"] == [
        east["properties"]["longitude"],
        east["properties"]["latitude"],
    ]
    names = ("where", "place_id", "place", "level", "country", "relation")
    assert [east["properties"][name] for name in names] == [
        *(["ريف حلب الشرقي"], "SY-HL", "حلب", "division", "SY", "countryside east")
    ]
    told = capsys.readouterr().err
    assert "'4' is left out of the map: no coordinates are known of تل الرماد" in told


def test_ones_own_gazetteer_puts_rows_on_the_map(tmp_path: Path, capsys: Printed) -> None:
    places = tmp_path / "ours.csv"
    table = "id,name_ar,latitude,longitude\nash,تل الرماد,35.0,40.0\nbad,تل,95,40\n"
    places.write_text(table, "utf-8")
    source = write_lines(tmp_path / "in.jsonl", [report("مقتل [C:4] في [L:تل الرماد]")])
    output = tmp_path / "map.geojson"
    arguments = ["facts", str(source), "--places", str(places), "--output", str(output)]
    assert main(arguments) == 1, "a row of the gazetteer was left out"
    (one,) = json.loads(output.read_text("utf-8"))["features"]
    assert one["geometry"] == {"type": "Point", "coordinates": [40.0, 35.0]}
    assert (one["properties"]["place_id"], one["properties"]["country"]) == ("ash", None)
    assert f"{places}:3: bad_place: bad: latitude is 95" in capsys.readouterr().err


@pytest.fixture(scope="module")
def unread(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unread")
    invented = [replace(one, spans=None) for one in invent_reports(6, seed=5)]
    lines = [json.dumps({"id": r.id, "text": r.text, **r.fields}) + "\n" for r in invented]
    path = folder / "in.jsonl"
    path.write_text("".join(lines), "utf-8")
    return path


def test_prediction_and_facts_go_at_once(unread: Path, tiny_model: Path, tmp_path: Path) -> None:
    model = ["--model", str(tiny_model), "--device", "cpu"]
    predictions, rows, at_once = (
        tmp_path / name for name in ("predictions.jsonl", "rows.csv", "at_once.csv")
    )
    assert main(["predict", *model, str(unread), "--output", str(predictions)]) == 0
    more = ["--predictions", str(predictions), "--output", str(rows)]
    assert main(["facts", str(unread), *more]) == 0
    assert main(["predict", "--facts", *model, str(unread), "--output", str(at_once)]) == 0
    assert at_once.read_bytes() == rows.read_bytes()
    assert len(table_of(rows.read_text("utf-8-sig"))) > 0
    run = json.loads((tmp_path / "at_once.csv.run.json").read_text("utf-8"))
    assert run["rows"] == len(table_of(rows.read_text("utf-8-sig")))
    assert "predicted" not in run, "rows are no reports"


def test_prediction_with_facts_takes_the_tables_that_facts_takes(
    unread: Path, tiny_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    names = [
        unread_place["text"]
        for unread_place in spans_of(unread, tiny_model, tmp_path / "spans.jsonl")
        if unread_place["label"] == "LOCATION"
    ]
    places = tmp_path / "ours.csv"
    lines = [f"ours-{n},{name},35.0,40.0\n" for n, name in enumerate(dict.fromkeys(names))]
    places.write_text(f"id,name_ar,latitude,longitude\n{''.join(lines)}bad,تل,95,40\n", "utf-8")
    output = tmp_path / "facts.jsonl"
    arguments = ["predict", "--facts", "--model", str(tiny_model), "--device", "cpu", str(unread)]
    more = ["--places", str(places), "--review-below", "1", "--output", str(output)]
    assert main([*arguments, *more]) == 1, "a row of the gazetteer was left out"
    read = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    found = [s for one in read for s in one["spans"] if s["label"] == "LOCATION"]
    assert len(found) == len(names) > 0
    assert {(s["latitude"], s["place_id"][:5]) for s in found if s["place_id"]} == {(35.0, "ours-")}
    assert json.loads((tmp_path / "facts.jsonl.run.json").read_text("utf-8"))["predicted"] == 6
    assert (tmp_path / "facts.jsonl.review.jsonl").exists()
    told = capsys.readouterr().err
    assert "LOCATION exact: " in told
    assert "to look at: " in told
    assert f"{places}:{len(lines) + 2}: bad_place: bad: latitude is 95" in told


def spans_of(source: Path, model: Path, output: Path) -> list[dict[str, Any]]:
    arguments = ["predict", "--model", str(model), "--device", "cpu", str(source)]
    assert main([*arguments, "--output", str(output)]) == 0
    lines = output.read_text("utf-8").splitlines()
    return [span for line in lines for span in json.loads(line)["spans"]]


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("out.conll", [], "its name does not tell what to write; expected .jsonl, .ndjson for"),
        ("out.csv", ["--to", "csv"], "--to and --facts: the name of the output tells how"),
        ("out.csv", ["--places", "nowhere.csv"], "nowhere.csv"),
        ("out.csv", ["--actors", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_wrong_outputs_are_told_before_the_model_is_loaded(
    unread: Path, tmp_path: Path, capsys: Printed, name: str, more: list[str], told: str
) -> None:
    output = tmp_path / name
    arguments = ["predict", "--facts", "--model", "nowhere", str(unread), "--output", str(output)]
    assert main([*arguments, *more]) == 2
    assert told in capsys.readouterr().err
    assert not output.exists()

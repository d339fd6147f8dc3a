import csv
import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, UserError
from annotation.report import Report, Span


def read_table(
    tmp_path: Path, content: bytes, name: str = "in.csv", **options: str
) -> list[Record]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_records([path], ReadOptions(**options)))  # type: ignore[arg-type]


def told(records: list[Record]) -> list[tuple[int | None, str]]:
    return [(r.line, r.reason) for r in records if isinstance(r, Rejection)]


def ids(records: list[Record]) -> list[str]:
    return [r.id for r in records if isinstance(r, Report)]


def test_a_row_is_a_report_and_its_further_columns_are_kept(tmp_path: Path) -> None:
    content = '\ufeffid,text,source\r\n7,"قصف\r\nالرقة، ""ليلاً""",dly\r\n,b,\r\n'.encode()
    assert read_table(tmp_path, content) == [
        Report("7", 'قصف\r\nالرقة، "ليلاً"', None, {"source": "dly"}),
        Report(f"{tmp_path / 'in.csv'}:4", "b", None, {"source": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", b"id;text\n1;a, b\n"),
        ("in.csv", b"id\ttext\n1\ta, b\n"),
        ("in.tsv", b"id\ttext\n1\ta, b\n"),
        ("in.csv", b'id,text\n1,"a, b"\n'),
    ],
)
def test_the_header_tells_what_parts_the_cells(name: str, content: bytes, tmp_path: Path) -> None:
    assert read_table(tmp_path, content, name) == [Report("1", "a, b")]


def test_a_missing_text_column_names_the_columns_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no column 'text'.*--text-column.*: id, body"):
        read_table(tmp_path, b"id,body\n1,a\n")
    read = read_table(tmp_path, b"id,body\n1,a\n", text_column="body")
    assert read == [Report("1", "a")]


def test_an_empty_table_and_a_table_of_spans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none: it is empty"):
        read_table(tmp_path, b"")
    with pytest.raises(UserError, match="a table of spans"):
        read_table(tmp_path, b"id,start,end,label,text,score\n")


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        (b"x,a,b", "unreadable", "3 cells, expected 2"),
        (b"x", "unreadable", "1 cells, expected 2"),
        (b"x,\xff", "not_utf8", "byte 0xFF at byte 0 of the cell in column 2"),
        ("x,قصف الرقة".encode("windows-1256"), "not_utf8", "give --encoding windows-1256"),
        (b'x,"a"b', "unreadable", "not a row of CSV"),
        (b'x,"never closed', "unreadable", "quotation marks"),
        (b"x,a\rb", "unreadable", "not a row of CSV"),
        (b"x,\xed\xa0\x80", "not_utf8", "byte 0xED"),
    ],
)
def test_a_broken_row_costs_that_row_alone(
    row: bytes, reason: str, said: str, tmp_path: Path
) -> None:
    content = b'id,text\n1,a\n2,"b\nb"\n' + row + b'\n3,c\n\n4,"d\nd"\n5,e\n'
    read = read_table(tmp_path, content)
    assert ids(read) == ["1", "2", "3", "4", "5"]
    assert told(read) == [(5, reason)]
    (rejection,) = [r for r in read if isinstance(r, Rejection)]
    assert said in rejection.message


def test_a_quotation_mark_open_to_the_end_costs_its_line_alone(tmp_path: Path) -> None:
    content = b'id,text\n1,"a\n' + b"".join(b"%d,x\n" % n for n in range(2, 50_000))
    read = read_table(tmp_path, content)
    assert ids(read) == [str(n) for n in range(2, 50_000)]
    assert told(read) == [(2, "unreadable")]


def test_a_header_in_another_encoding_is_told_once(tmp_path: Path) -> None:
    content = "رقم التقرير,نص التقرير\n1,قصف\n2,قصف\n".encode("windows-1256")
    (rejection,) = read_table(tmp_path, content, text_column="نص التقرير")
    assert isinstance(rejection, Rejection)
    assert (rejection.line, rejection.reason) == (1, "not_utf8")
    options = {"encoding": "windows-1256", "text_column": "نص التقرير", "id_column": "رقم التقرير"}
    assert read_table(tmp_path, content, **options) == [Report("1", "قصف"), Report("2", "قصف")]


def test_nul_and_long_cells_are_text(tmp_path: Path) -> None:
    long = b"x" * 300_000
    read = read_table(tmp_path, b"id,text\n1,a\x00b\n2," + long + b"\n")
    assert read == [Report("1", "a\x00b"), Report("2", long.decode())]


def test_spans_in_a_cell_are_json(tmp_path: Path) -> None:
    content = (
        b"id,text,spans\n"
        b'1,abc,"[{""start"": 0, ""end"": 3, ""label"": ""A""}]"\n'
        b"2,abc,\n"
        b"3,abc,nonsense\n"
    )
    one, two, three = read_table(tmp_path, content)
    assert one == Report("1", "abc", (Span(0, 3, "A"),))
    assert two == Report("2", "abc", None)
    assert isinstance(three, Rejection) and three.reason == "bad_span"


def test_a_table_has_a_row_a_span_and_one_for_a_report_without(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    reports = [
        Report(
            "a",
            "داعش\nفي الرقة",
            (Span(0, 7, "ACTOR", 0.5), Span(8, 13, "LOCATION", 1.0)),
            {"uncertainty": 0.25, "score": 3},
        ),
        Report("b", "نص", (), {"tags": ["x"], "note": None}),
    ]
    ledger = Ledger()
    assert write_reports(reports, path, ledger=ledger) == 2
    assert ledger.repairs == {}
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfid,")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    further = ["uncertainty", "report_score", "tags", "note"]
    assert rows == [
        ["id", "start", "end", "label", "text", "score", *further],
        ["a", "0", "7", "ACTOR", "داعش\nفي", "0.5", "0.25", "3", "", ""],
        ["a", "8", "13", "LOCATION", "الرقة", "1.0", "0.25", "3", "", ""],
        ["b", "", "", "", "", "", "", "", '["x"]', ""],
    ]


def test_what_a_table_has_no_column_for_is_told(tmp_path: Path) -> None:
    reports = [Report(str(n), "abc", ()) for n in range(1000)]
    reports.append(Report("late", "abc", (Span(0, 3, "A", None, {"by": "x"}),), {"date": "d"}))
    ledger = Ledger()
    assert write_reports(reports, tmp_path / "out.csv", ledger=ledger) == 1001
    assert ledger.repairs == {"keys left out": 1, "span keys left out": 1}
    assert any("late" in line and "date" in line for line in ledger.summary())


def test_parquet_of_other_tools_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table(
            {
                "id": pa.array([1, 2, 2, None], pa.int32()),
                "text": pa.array([b"\xd9\x86", b"b", b"c", None], pa.binary()),
                "date": pa.array([datetime.date(2024, 5, 1), None, None, None]),
                "fields": ["plain", None, None, None],
                "tags": [[{"when": datetime.datetime(2024, 5, 1, 7)}], None, None, None],
            }
        ),
        path,
    )
    one, two, twice, textless = read_records([path])
    assert one == Report(
        "1",
        "ن",
        None,
        {"date": "2024-05-01", "fields": "plain", "tags": [{"when": "2024-05-01T07:00:00"}]},
    )
    assert two == Report("2", "b")
    assert isinstance(twice, Rejection) and isinstance(textless, Rejection)
    assert (twice.reason, twice.line) == ("duplicate_id", 3)
    assert (textless.reason, textless.line) == ("no_text", 4)
    with pytest.raises(UserError, match=r"no column 'body'.*: id, text, date, fields, tags"):
        list(read_records([path], ReadOptions(text_column="body")))


def test_parquet_holds_scalars_in_columns_and_streams_in_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    reports = [
        Report(
            str(n),
            "abc",
            (Span(0, 3, "A", 0.5, {"k": 1}),),
            {"source": "s", "uncertainty": 0.5, "nr": n, "mixed": n if n % 2 else "x"},
        )
        for n in range(12_000)
    ]
    reports.append(Report("last", "x", None, {"nr": 2**70, "late": [1]}))
    assert write_reports(reports, path) == 12_001
    table = pq.ParquetFile(path)
    assert table.metadata.num_row_groups == 3
    assert table.schema_arrow.names == [
        "id", "text", "spans", "source", "uncertainty", "nr", "fields",
    ]  # fmt: skip
    first = next(table.iter_batches(batch_size=1)).to_pylist()[0]
    assert json.loads(first["fields"]) == {"mixed": "x"}
    assert first["spans"] == [
        {"start": 0, "end": 3, "label": "A", "text": "abc", "score": 0.5, "fields": '{"k": 1}'}
    ]
    read = list(read_records([path]))
    assert read == reports
    assert isinstance(read[0], Report) and read[0].spans is not None
    assert read[0].spans[0].fields == {"k": 1}


def test_a_damaged_parquet_file_is_set_aside(tmp_path: Path) -> None:
    path, whole = tmp_path / "in.parquet", tmp_path / "whole.parquet"
    write_reports([Report(str(n), f"نص {n}" * 100) for n in range(20_000)], path)
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2 : len(packed) // 2 + 2000] = b"\x00" * 2000
    path.write_bytes(packed)
    write_reports([Report("whole", "x")], whole)
    *_, rejection, last = read_records([path, whole])
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "unreadable"
    assert last == Report("whole", "x")

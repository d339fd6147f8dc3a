import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from tiny import invent_reports, join_reports

from annotation.files import sha256_of_file
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.report import Report, Span
from inference.__main__ import main
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor

Printed = pytest.CaptureFixture[str]
Triple = tuple[int, int, str]


def predict(model: Path, sources: Sequence[Path | str], output: Path | str, *more: str) -> int:
    names = [str(source) for source in sources]
    arguments = ["predict", "--model", str(model), *names, "--output", str(output)]
    return main([*arguments, "--device", "cpu", *more])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def triples(spans: Sequence[dict[str, Any]] | Sequence[Span]) -> list[Triple]:
    return [
        (s["start"], s["end"], s["label"]) if isinstance(s, dict) else (s.start, s.end, s.label)
        for s in spans
    ]


@pytest.fixture
def reports() -> list[Report]:
    return [*invent_reports(12, seed=31), Report("blank", " \n", (), {"source": "s0"})]


@pytest.fixture
def source(tmp_path: Path, reports: list[Report]) -> Path:
    return write_lines(
        tmp_path / "in.jsonl", [{"id": r.id, "text": r.text, **r.fields} for r in reports]
    )


@pytest.fixture
def gold(reports: list[Report]) -> dict[str, list[Triple]]:
    """What the fitted model finds: on its own kind of reports it makes no mistake."""
    return {report.id: triples(report.spans or ()) for report in reports}


# What is written


def test_a_prediction_has_the_spans_their_texts_scores_and_the_reports_fields(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    reports: list[Report],
    gold: dict[str, list[Triple]],
    capsys: Printed,
) -> None:
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output) == 0
    assert capsys.readouterr().err == ""
    found = lines_of(output)
    assert [line["id"] for line in found] == [report.id for report in reports]
    assert {line["id"]: triples(line["spans"]) for line in found} == gold
    for line, report in zip(found, reports, strict=True):
        assert set(line) == {"id", "spans", "uncertainty", *report.fields}
        assert {key: line[key] for key in report.fields} == report.fields
        assert all(s["text"] == report.text[s["start"] : s["end"]] for s in line["spans"])
        assert all(0.3 < s["score"] <= 1 for s in line["spans"])
        assert 0 <= line["uncertainty"] < 0.5
    assert not (tmp_path / "out.jsonl.rejected.jsonl").exists()


def test_all_outputs_carry_the_same_spans(
    tiny_model: Path, tmp_path: Path, source: Path, gold: dict[str, list[Triple]]
) -> None:
    for suffix in ("csv", "parquet", "conll", "json", "jsonl.gz", "jsonl.zst"):
        assert predict(tiny_model, [source], tmp_path / f"out.{suffix}") == 0

    table = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text("utf-8-sig"))))
    assert [(r["id"], int(r["start"]), int(r["end"]), r["label"]) for r in table if r["start"]] == [
        (id, *triple) for id, spans in gold.items() for triple in spans
    ]
    assert [row["id"] for row in table if not row["start"]] == [
        id for id, spans in gold.items() if not spans
    ]
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")

    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert {row["id"]: triples(row["spans"]) for row in rows} == gold

    read = list(read_records([tmp_path / "out.conll"]))
    assert {r.id: triples(r.spans or ()) for r in read if isinstance(r, Report)} == gold

    tasks = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert len(tasks) == len(gold)
    options = ReadOptions(format="label-studio-predictions")
    read = list(read_records([tmp_path / "out.json"], options))
    assert {r.id: triples(r.spans or ()) for r in read if isinstance(r, Report)} == gold

    packed = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes())
    unpacked = zstandard.ZstdDecompressor().decompressobj()
    assert packed == unpacked.decompress((tmp_path / "out.jsonl.zst").read_bytes())
    found = [json.loads(line) for line in packed.decode().splitlines()]
    assert {line["id"]: triples(line["spans"]) for line in found} == gold


def test_with_to_the_texts_are_written_too(
    tiny_model: Path, tmp_path: Path, source: Path, reports: list[Report]
) -> None:
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output, "--to", "jsonl") == 0
    assert [line["text"] for line in lines_of(output)] == [report.text for report in reports]


def test_a_second_run_gives_the_same_bytes(tiny_model: Path, tmp_path: Path, source: Path) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    assert (predict(tiny_model, [source], one), predict(tiny_model, [source], other)) == (0, 0)
    assert one.read_bytes() == other.read_bytes()


def test_the_account_of_a_run_stands_beside_its_output(
    tiny_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"id": "x", "text": 7}\n{"text": "y"}\n')
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source, bad], output) == 1
    run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
    assert run["model"] == model_hash(tiny_model)
    assert run["precision"] == "exact"
    assert run["inputs"] == {
        str(source): sha256_of_file(source),
        str(bad): sha256_of_file(bad),
    }
    assert (run["reports"], run["predicted"]) == (14, 14)
    assert (run["rejected"], run["repaired"]) == ({"no_text": 1}, {})
    assert run["seconds"] >= 0
    assert {"python", "torch", "transformers", "tokenizers", "rasd"} <= set(run["versions"])
    assert lines_of(tmp_path / "out.jsonl.rejected.jsonl") == [
        {
            "file": str(bad),
            "line": 1,
            "id": "x",
            "reason": "no_text",
            "message": "text is int 7, expected a string",
        }
    ]
    # A later run without mistakes leaves no stale list behind.
    assert predict(tiny_model, [source], output) == 0
    assert not (tmp_path / "out.jsonl.rejected.jsonl").exists()


# What is read


def test_every_kind_of_input_gives_the_same_predictions(
    tiny_model: Path, tmp_path: Path, reports: list[Report], gold: dict[str, list[Triple]]
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for report in reports:
        (folder / f"{report.id}.txt").write_bytes(report.text.encode())
    plain = write_lines(
        tmp_path / "r.jsonl", [{"id": report.id, "text": report.text} for report in reports]
    )
    (tmp_path / "r.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "r.jsonl.zst").write_bytes(zstandard.compress(plain.read_bytes()))
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    with (tmp_path / "r.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *((r.id, r.text) for r in reports)])
    bare = [Report(report.id, report.text) for report in reports]
    write_reports(bare, tmp_path / "r.parquet")
    write_reports(reports, tmp_path / "r.json")
    for name in ("texts", "r.jsonl.gz", "r.jsonl.zst", "bom.jsonl", "r.csv", "r.parquet", "r.json"):
        output = tmp_path / f"{name}.out.jsonl"
        assert predict(tiny_model, [tmp_path / name], output) == 0, name
        found = {line["id"]: triples(line["spans"]) for line in lines_of(output)}
        assert found == gold, name


def test_standard_input_becomes_standard_output(
    tiny_model: Path,
    source: Path,
    gold: dict[str, list[Triple]],
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
    assert predict(tiny_model, ["-"], "-") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found = [json.loads(line) for line in printed.out.splitlines()]
    assert {line["id"]: triples(line["spans"]) for line in found} == gold


def test_columns_can_have_other_names(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "r.csv"
    source.write_text("number,body\n7,قالت منصة راصد\n", "utf-8")
    output = tmp_path / "out.jsonl"
    more = ("--text-column", "body", "--id-column", "number")
    assert predict(tiny_model, [source], output, *more) == 0
    (line,) = lines_of(output)
    assert line["id"] == "7"
    assert [span["text"] for span in line["spans"]] == ["منصة راصد"]


def test_an_encoding_that_was_named_is_used(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "old.txt"
    source.write_bytes("قالت منصة راصد".encode("windows-1256"))
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output, "--encoding", "windows-1256") == 0
    assert [span["text"] for span in lines_of(output)[0]["spans"]] == ["منصة راصد"]


# Bad input: content, exit status, what is told, how many predictions

GOOD = '{"id": "good", "text": "قالت منصة راصد"}\n'.encode()


def line_with(text: str, **more: Any) -> bytes:
    return json.dumps({"id": "odd", "text": text, **more}, ensure_ascii=False).encode() + b"\n"


def with_span(**span: Any) -> bytes:
    return line_with("قالت منصة راصد", spans=[span])


BAD_INPUT: list[tuple[str, str, bytes | None, int, str | None, int]] = [
    # name, file, content, exit status, what standard error says, predictions (good one included)
    ("missing file", "in.jsonl", None, 2, "{in}: no such file or folder", 0),
    ("empty file", "in.jsonl", b"", 0, "no report in the input, so there is no prediction", 0),
    ("empty text file", "in.txt", b"", 0, None, 1),
    ("unknown kind", "in.docx", b"PK", 2, "{in}: its name does not tell its format; expected", 0),
    ("broken JSON", "in.jsonl", GOOD + b'{"id": "x", "text"\n', 1,
     "{in}:2: bad_json: not JSON: Expecting ':' delimiter at column 19", 1),
    ("a list a line", "in.jsonl", b"[1]\n" + GOOD, 1, "{in}:1: bad_json: list [1], expected", 1),
    ("not UTF-8", "in.jsonl", b'{"text": "\xff\xfe"}\n' + GOOD, 1,
     "{in}:1: not_utf8: byte 0xFF at byte 10 of the line is not UTF-8", 1),
    ("windows-1256", "in.txt", "قالت منصة راصد".encode("windows-1256"), 1,
     "it reads as windows-1256 Arabic: give --encoding windows-1256", 0),
    ("lone surrogate", "in.jsonl", b'{"id": "s", "text": "a\\ud800"}\n' + GOOD, 1,
     "{in}:1 (s): lone_surrogate: text has the lone surrogate U+D800 at 1", 1),
    ("no text", "in.jsonl", b'{"id": "n"}\n' + GOOD, 1,
     "{in}:1 (n): no_text: text is nothing, expected a string", 1),
    ("null text", "in.jsonl", b'{"id": "n", "text": null}\n' + GOOD, 1, "(n): no_text: ", 1),
    ("text a number", "in.jsonl", b'{"id": "n", "text": 5}\n' + GOOD, 1,
     "{in}:1 (n): no_text: text is int 5, expected a string", 1),
    ("no text column", "in.csv", b"id,body\n1,x\n", 2, "no column 'text' for the text; name ", 0),
    ("twice the same id", "in.jsonl", GOOD + GOOD, 1,
     "{in}:2 (good): duplicate_id: this id stood first in {in}:1; that one is kept", 1),
    ("cut .gz", "in.jsonl.gz", gzip.compress(GOOD * 50)[:40], 1, "{in}: unreadable: ", 0),
    ("not Parquet", "in.parquet", b"PAR1 or not", 1, "{in}: unreadable: not a Parquet file", 0),
    ("empty text", "in.jsonl", line_with("") + GOOD, 0, None, 2),
    ("only emoji", "in.jsonl", line_with("🚨👨‍👩‍👧🇸🇾") + GOOD, 0, None, 2),
    ("only white space", "in.jsonl", line_with(" \t\n\u00a0\u2003") + GOOD, 0, None, 2),
    ("NUL", "in.jsonl", line_with("\x00قالت\x00 منصة راصد\x00") + GOOD, 0, None, 2),
    ("bidi characters", "in.jsonl", line_with("\u202bقالت\u200f منصة \u2066راصد\u2069") + GOOD, 0,
     None, 2),
    ("CRLF", "in.jsonl", GOOD.replace(b"\n", b"\r\n") + line_with("قالت\r\nمنصة راصد\r\n"), 0,
     None, 2),
    ("CRLF text file", "in.txt", "قالت\r\nمنصة راصد\r\n".encode(), 0, None, 1),
    ("tashkeel and tatweel", "in.jsonl", line_with("قَـالَتْ مَنَـصَّةُ رَاصِـدٍ") + GOOD, 0, None, 2),
    ("span outside", "in.jsonl", with_span(start=0, end=999, label="ACTOR") + GOOD, 0, None, 2),
    ("reversed span", "in.jsonl", with_span(start=4, end=0, label="ACTOR") + GOOD, 0, None, 2),
    ("overlapping spans", "in.jsonl", line_with("قالت منصة", spans=[
        {"start": 0, "end": 4, "label": "ACTOR"}, {"start": 2, "end": 9, "label": "ACTOR"}]) + GOOD,
     0, None, 2),
    ("unknown label", "in.jsonl", with_span(start=0, end=4, label="TANK") + GOOD, 0, None, 2),
    ("string offsets", "in.jsonl", with_span(start="0", end="4", label="ACTOR") + GOOD, 0, None, 2),
    ("spans no list", "in.jsonl", line_with("قالت منصة", spans="x") + GOOD, 0, None, 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "status", "told", "predicted"),
    [row[1:] for row in BAD_INPUT],
    ids=[row[0] for row in BAD_INPUT],
)
def test_bad_input_is_told_and_costs_only_itself(
    tiny_model: Path,
    tmp_path: Path,
    capsys: Printed,
    name: str,
    content: bytes | None,
    status: int,
    told: str | None,
    predicted: int,
) -> None:
    source, output = tmp_path / name, tmp_path / "out.jsonl"
    if content is not None:
        source.write_bytes(content)
    assert predict(tiny_model, [source], output) == status
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    if told is None:
        assert printed.err == ""
    else:
        assert told.replace("{in}", str(source)) in printed.err
    assert output.exists() == (status < 2)
    if status == 2:
        assert len(printed.err.splitlines()) == 1
        return
    found = lines_of(output)
    assert len(found) == predicted
    for line in found:
        if line["id"] == "good":
            assert [(s["text"], s["label"]) for s in line["spans"]] == [("منصة راصد", "ACTOR")]
    rejected = tmp_path / "out.jsonl.rejected.jsonl"
    assert rejected.exists() == (status == 1)
    if status == 1:
        (one,) = lines_of(rejected)
        assert one["reason"] in printed.err
        assert one["file"] == str(source)
    run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
    assert (run["predicted"], sum(run["rejected"].values())) == (predicted, status)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("قالت\r\nمنصة راصد\r\n", "منصة راصد"),
        ("🚨 قالت منصة راصد 🚨", "منصة راصد"),
        ("قَـالَتْ مَنَـصَّةُ رَاصِـدٍ", "مَنَـصَّةُ رَاصِـدٍ"),
        ("\u202bقالت\u200f «منصة \u2066راصد\u2069»", "منصة \u2066راصد"),
    ],
)
def test_spans_point_into_the_raw_text(
    tiny_model: Path, tmp_path: Path, text: str, covered: str
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"id": "a", "text": text}])
    assert predict(tiny_model, [source], tmp_path / "out.jsonl") == 0
    ((line),) = lines_of(tmp_path / "out.jsonl")
    assert triples(line["spans"]) == [
        (text.index(covered), text.index(covered) + len(covered), "ACTOR")
    ]
    assert line["spans"][0]["text"] == covered


def test_five_bad_reports_of_ten_thousand_cost_only_themselves(
    tiny_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    bad = {
        7: b'{"id": "r7", "text": "a"',
        1_999: b'{"id": "r1999", "text": "\xe3\xe4"}',
        5_000: b'{"id": "r5000", "text": "\\udc00"}',
        7_654: b'{"id": "r7654"}',
        9_999: b'{"id": "r3", "text": "again"}',
    }
    names = ["قالت منصة راصد", "في تل الورد", "أمس"]
    good = [n for n in range(10_000) if n not in bad]
    source = tmp_path / "many.jsonl"
    with source.open("wb") as file:
        for number in range(10_000):
            line = json.dumps({"id": f"r{number}", "text": names[number % 3]}).encode()
            file.write(bad.get(number, line) + b"\n")
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output) == 1
    found = lines_of(output)
    assert [line["id"] for line in found] == [f"r{number}" for number in good]
    expected = {0: ["منصة راصد"], 1: ["تل الورد"], 2: []}
    assert all(
        [span["text"] for span in line["spans"]] == expected[number % 3]
        for number, line in zip(good, found, strict=True)
    )
    rejected = lines_of(tmp_path / "out.jsonl.rejected.jsonl")
    assert [(r["line"], r["id"], r["reason"]) for r in rejected] == [
        (8, None, "bad_json"),
        (2_000, None, "not_utf8"),
        (5_001, "r5000", "lone_surrogate"),
        (7_655, "r7654", "no_text"),
        (10_000, "r3", "duplicate_id"),
    ]
    told = capsys.readouterr().err
    for one in rejected:
        assert re.search(rf"{re.escape(str(source))}:{one['line']}\b.*{one['reason']}", told)
    assert f"all 5 set aside are listed in {output}.rejected.jsonl" in told


def test_a_text_of_a_million_bytes_is_read_to_its_end(tiny_model: Path, tmp_path: Path) -> None:
    reports = invent_reports(3_600, seed=77)
    long = join_reports(reports, "long", between="\n")
    source = tmp_path / "long.txt"
    source.write_text(long.text, "utf-8")
    assert source.stat().st_size > 900_000
    assert predict(tiny_model, [source], tmp_path / "out.jsonl") == 0
    (line,) = lines_of(tmp_path / "out.jsonl")
    found, gold = set(triples(line["spans"])), set(triples(long.spans or ()))
    assert len(gold) > 20_000
    assert len(found & gold) >= 0.99 * len(found | gold)
    assert max(found) > (len(long.text) - 300, 0, "")


def test_a_report_that_the_model_fails_on_is_set_aside(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    reports: list[Report],
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whichever engine computes here.
    engine = type(BatchPredictor.from_pretrained(tiny_model, device="cpu").engine)
    healthy: Callable[..., Any] = engine.run
    broken = max(len(report.text) for report in reports)
    (longest,) = [report.id for report in reports if len(report.text) == broken]
    failing: list[int] = []

    def run(self: Any, windows: Any) -> Any:
        if not failing:
            failing.append(max(len(window) for window in windows))
        if any(len(window) == failing[0] for window in windows):
            raise RuntimeError("no memory left")
        return healthy(self, windows)

    monkeypatch.setattr(engine, "run", run)
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output) == 1
    rejected = lines_of(tmp_path / "out.jsonl.rejected.jsonl")
    assert longest in [one["id"] for one in rejected]
    assert {one["reason"] for one in rejected} == {"model_error"}
    kept = [line["id"] for line in lines_of(output)]
    assert sorted([*kept, *(one["id"] for one in rejected)]) == sorted(r.id for r in reports)
    assert len(kept) >= 5
    run_json = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
    assert (run_json["reports"], run_json["predicted"]) == (len(reports), len(kept))
    assert "the model failed on this report: no memory left" in capsys.readouterr().err


# Arguments, and the other command


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--batch-tokens", "0"], "--batch-tokens 0: expected 1 or more"),
        (["--batch-tokens", "-3"], "--batch-tokens -3: expected 1 or more"),
        (["--encoding", "klingon"], "--encoding klingon: no such text encoding"),
        (["--from", "docx"], "--from docx: expected one of text, jsonl"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_written(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    capsys: Printed,
    more: list[str],
    told: str,
) -> None:
    output = tmp_path / "out.jsonl"
    assert predict(tiny_model, [source], output, *more) == 2
    assert capsys.readouterr().err.startswith(told)
    assert list(tmp_path.iterdir()) == [source]


def test_an_output_whose_name_tells_no_format_is_refused(
    tiny_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    assert predict(tiny_model, [source], tmp_path / "out.xlsx") == 2
    assert "its name does not tell the format to write" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


def test_tokens_shows_what_the_model_sees(
    tiny_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    rows = [{"id": "a", "text": "🚨 قُوات ـ السد"}, {"id": "b", "text": ""}, {"id": "c"}]
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert main(["tokens", "--model", str(tiny_model), str(source)]) == 1
    printed = capsys.readouterr()
    first, second = (json.loads(line) for line in printed.out.splitlines())
    assert first["id"] == "a"
    assert first["pieces"] == ["🚨", "قوات", "السد"]
    assert first["offsets"] == [[0, 1], [2, 7], [10, 14]]
    assert first["words"] == [[2, 7], [10, 14]]
    assert len(first["ids"]) == 3
    assert second == {"id": "b", "pieces": [], "ids": [], "offsets": [], "words": []}
    assert "in.jsonl:3 (c): no_text" in printed.err

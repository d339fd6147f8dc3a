import io
import json
import sys
from pathlib import Path

import pytest

from annotation.__main__ import main
from annotation.formats import read_records
from annotation.report import Report, Span

REPORTS = [
    Report("a", "قصف الرقة 🚨", (Span(4, 9, "LOCATION"),), {"source": "dly"}),
    Report("b", "نص", ()),
]


def write_input(path: Path) -> Path:
    path.write_text(
        '{"id": "a", "text": "قصف الرقة 🚨", "source": "dly",'
        ' "spans": [{"start": 4, "end": 9, "label": "LOCATION"}]}\n'
        '{"id": "b", "text": "نص", "spans": []}\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.conll", "out.parquet", "o.json.gz"])
def test_reports_are_converted_to_what_the_output_is_called(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / name
    status = main(["convert", str(write_input(tmp_path / "in.jsonl")), "--output", str(output)])
    assert status == 0
    assert list(read_records([output])) == REPORTS
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"2 reports written to {output}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.jsonl", name])


def test_what_is_set_aside_is_listed_beside_the_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_input(tmp_path / "in.jsonl")
    with source.open("ab") as stream:
        stream.write(b'{"id": "a", "text": "again"}\n{\n{"id": "c"}\n')
    output = tmp_path / "out.jsonl"
    assert main(["convert", str(source), "--output", str(output)]) == 1
    assert list(read_records([output])) == REPORTS
    listed = [
        json.loads(line)
        for line in Path(f"{output}.rejected.jsonl").read_text("utf-8").splitlines()
    ]
    assert [(row["file"], row["line"], row["id"], row["reason"]) for row in listed] == [
        (str(source), 3, "a", "duplicate_id"),
        (str(source), 4, None, "bad_json"),
        (str(source), 5, "c", "no_text"),
    ]
    told = capsys.readouterr().err
    assert "2 reports written" in told
    assert f"all 3 set aside are listed in {output}.rejected.jsonl" in told
    # A run in which nothing is set aside leaves no list of an earlier one.
    assert main(["convert", str(write_input(source)), "--output", str(output)]) == 0
    assert not Path(f"{output}.rejected.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl", "--output", "out.jsonl"], "missing.jsonl: no such file or folder"),
        (["in.jsonl", "--output", "out.doc"], "out.doc: its name does not tell the format"),
        (["in.jsonl", "--output", "out.jsonl", "--from", "doc"], "--from doc: expected one of"),
        (["in.jsonl", "--output", "out.jsonl", "--encoding", "doc"], "--encoding doc: no such"),
        (["bad.jsonl", "no.csv", "--output", "out.jsonl"], "no.csv: no column 'text'"),
        (["in.jsonl", "--output", "folder"], "folder"),
        (["in.jsonl", "--output", "-", "--to", "parquet"], "not written to standard output"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_leaves_nothing_behind(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_input(tmp_path / "in.jsonl")
    (tmp_path / "bad.jsonl").write_text("{\n")
    (tmp_path / "no.csv").write_text("id,body\n1,a\n")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["convert", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_standard_input_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "قُتل O\n12 B-COUNT\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    status = main(["convert", "-", "--from", "conll", "--output", "-", "--to", "predictions"])
    assert status == 0
    assert json.loads(capsys.readouterr().out) == {
        "id": "stdin:1",
        "spans": [{"start": 5, "end": 7, "label": "COUNT", "text": "12"}],
    }


def test_the_options_reach_the_reader(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_bytes("nr,body\n7,قصف\n".encode("windows-1256"))
    options = ["--text-column", "body", "--id-column", "nr", "--encoding", "windows-1256"]
    assert main(["convert", str(source), "--output", str(output), *options]) == 0
    assert list(read_records([output])) == [Report("7", "قصف")]


def test_a_choice_of_annotators_reaches_the_reader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.json", tmp_path / "out.jsonl"
    made: list[dict[str, object]] = [{"result": [], "completed_by": person} for person in (1, 2)]
    source.write_text(json.dumps([{"id": 5, "data": {"text": "a"}, "annotations": made}]))
    assert main(["convert", str(source), "--output", str(output)]) == 2
    assert "--annotators all" in capsys.readouterr().err
    assert not output.exists()
    arguments = ["convert", str(source), "--output", str(output), "--annotators", "all"]
    assert main(arguments) == 0
    assert [r.id for r in read_records([output]) if isinstance(r, Report)] == ["5@1", "5@2"]


def test_ten_thousand_reports_lose_only_the_bad_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    bad = {7: b"{", 70: b"\xff", 700: b"{}", 7000: b'{"text": 1}', 9999: b'{"text": "\\ud800"}'}
    with source.open("wb") as stream:
        for number in range(10_000):
            stream.write(bad.get(number, b'{"id": "%d", "text": "x"}' % number) + b"\n")
    assert main(["convert", str(source), "--output", str(output)]) == 1
    assert output.read_bytes().count(b"\n") == 9_995
    assert Path(f"{output}.rejected.jsonl").read_bytes().count(b"\n") == 5
    told = capsys.readouterr().err
    for number in bad:
        assert f"{source}:{number + 1}: " in told

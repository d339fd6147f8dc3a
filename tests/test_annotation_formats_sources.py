import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.problems import Rejection, Repair, UserError
from annotation.report import Report


def test_all_missing_sources_are_named_before_anything_is_read(tmp_path: Path) -> None:
    there = tmp_path / "there.jsonl"
    there.write_text('{"text": "a"}\n')
    with pytest.raises(UserError) as caught:
        read_records([tmp_path / "a.jsonl", there, tmp_path / "b.txt"])
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'a.jsonl'}: no such file or folder",
        f"{tmp_path / 'b.txt'}: no such file or folder",
    ]


def test_a_file_of_unknown_format_is_refused_with_the_formats_there_are(tmp_path: Path) -> None:
    path = tmp_path / "reports.docx"
    path.write_bytes(b"PK")
    with pytest.raises(UserError, match=r"reports\.docx: .* expected \.txt, \.jsonl.* --from "):
        read_records([path])


def test_a_format_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--from docx: expected one of text, jsonl, csv"):
        read_records(["-"], ReadOptions(format="docx"))


def test_a_folder_is_read_in_order_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.txt").write_bytes("نص\r\n".encode())
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf\xd9\x86")
    (tmp_path / "c.jsonl").write_text('{"id": "c", "text": ""}\n')
    (tmp_path / "notes.docx").write_bytes(b"PK")
    (tmp_path / ".hidden.txt").write_text("x")
    *repairs, one, two, three = read_records([tmp_path])
    assert [one, two, three] == [Report("a", "ن"), Report("b/2", "نص\r\n"), Report("c", "")]
    assert all(isinstance(repair, Repair) for repair in repairs)
    assert [r.file for r in repairs if isinstance(r, Repair)] == [
        str(tmp_path / ".hidden.txt"),
        str(tmp_path / "notes.docx"),
    ]


def test_a_folder_without_a_file_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no file to read"):
        read_records([tmp_path])


def test_equal_names_in_two_folders_do_not_clash(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text(folder)
    (tmp_path / "two" / "y.txt").write_text("y")
    read = list(read_records([tmp_path / "one", tmp_path / "two"]))
    assert read == [
        Report((tmp_path / "one" / "x.txt").as_posix(), "one"),
        Report((tmp_path / "two" / "x.txt").as_posix(), "two"),
        Report("y", "y"),
    ]


def test_a_text_that_is_not_utf8_is_set_aside_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("قصف على الرقة".encode("windows-1256"))
    (tmp_path / "b.txt").write_text("")
    rejection, report = read_records([tmp_path])
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.id, rejection.line) == ("not_utf8", "a", None)
    assert "at byte 0 of the file" in rejection.message
    assert "--encoding windows-1256" in rejection.message
    assert report == Report("b", "")
    options = ReadOptions(encoding="windows-1256")
    assert next(read_records([tmp_path / "a.txt"], options)) == Report("a", "قصف على الرقة")


@pytest.mark.parametrize(
    ("format", "content", "expected"),
    [
        (None, b'{"text": "a"}\n', Report("stdin:1", "a")),
        ("text", b"a\r\n", Report("stdin", "a\r\n")),
        ("csv", b"id,text\n7,a\n", Report("7", "a")),
        ("conll", b"a O\n", Report("stdin:1", "a", ())),
        ("label-studio", b'[{"data": {"text": "a"}}]', Report("stdin:1", "a")),
    ],
)
def test_standard_input_is_read(
    format: str | None, content: bytes, expected: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert list(read_records(["-"], ReadOptions(format=format))) == [expected]


def test_a_file_that_is_not_what_its_name_says_does_not_stop_the_others(tmp_path: Path) -> None:
    names = ["a.jsonl.gz", "b.jsonl.xz", "c.jsonl.zst", "d.parquet", "e.json"]
    for name in names:
        (tmp_path / name).write_bytes(b"nothing of the kind")
    (tmp_path / "z.txt").write_text("z")
    *rejections, report = read_records([tmp_path])
    assert report == Report("z", "z")
    told = [(r.file, r.reason, r.line) for r in rejections if isinstance(r, Rejection)]
    reasons = ["unreadable"] * 4 + ["bad_json"]
    assert told == [
        (str(tmp_path / name), reason, None) for name, reason in zip(names, reasons, strict=True)
    ]


def test_reports_are_written_as_they_come(tmp_path: Path) -> None:
    for name in ("r.jsonl", "r.conll", "r.json"):
        path = tmp_path / name
        asked: list[int] = []

        def reports(asked: list[int] = asked, path: Path = path) -> Iterator[Report]:
            for number in range(3000):
                asked.append(number)
                assert not path.exists()
                yield Report(str(number), "نص " * 100)

        assert write_reports(reports(), path) == 3000
        assert path.exists()
        assert len(asked) == 3000


def test_nothing_appears_where_writing_fails(tmp_path: Path) -> None:
    def reports() -> Iterator[Report]:
        yield Report("a", "a")
        raise UserError("stop")

    for name in ("r.jsonl", "r.csv", "r.parquet", "r.json.gz", "r.conll.zst"):
        with pytest.raises(UserError, match="stop"):
            write_reports(reports(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "format", "said"),
    [
        ("r.txt", None, "r.txt: its name does not tell the format to write; expected .jsonl"),
        ("r.jsonl", "docx", "--to docx: expected one of jsonl, predictions, csv"),
        ("-", "parquet", "not written to standard output"),
    ],
)
def test_a_format_that_is_not_written_is_refused_before_a_report_is_asked_for(
    path: str, format: str | None, said: str
) -> None:
    asked = []

    def reports() -> Iterator[Report]:
        asked.append(True)
        yield Report("a", "a")

    with pytest.raises(UserError) as caught:
        write_reports(reports(), path, format)
    assert said in str(caught.value)
    assert asked == []


def test_standard_output_takes_jsonl(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_reports([Report("a", "نص", ())], "-") == 1
    assert capsys.readouterr().out == '{"id": "a", "text": "نص", "spans": []}\n'

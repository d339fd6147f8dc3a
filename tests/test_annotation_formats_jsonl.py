import json
import time
from pathlib import Path

import pytest

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.ledger import Record
from annotation.problems import Rejection, Repair, UserError
from annotation.report import Report, Span

GOOD = '{"id": "good", "text": "قصف الرقة"}'.encode()


def read_lines(tmp_path: Path, *lines: bytes, **options: str) -> list[Record]:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return list(read_records([path], ReadOptions(**options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (b'{"id": "x", "text": ', "bad_json", "Expecting value at column 21"),
        (b"[1, 2]", "bad_json", "list [1, 2], expected an object; for a Label Studio export"),
        (b"7", "bad_json", "int 7, expected an object"),
        (b"[" * 100_000, "bad_json", "not JSON that can be read"),
        (b'{"id": "x", "text": ' + b"9" * 5000 + b"}", "bad_json", "not JSON that can be read"),
        (b'{"id": ["x"], "text": "a"}', "bad_json", "id is list ['x'], expected a string or"),
        (b'{"id": true, "text": "a"}', "bad_json", "id is bool True"),
        (b'{"id": "x", "text": "\xff"}', "not_utf8", "byte 0xFF at byte 21 of the line"),
        (b'{"id": "x", "text": "\\ud83d!"}', "lone_surrogate", "U+D83D at 0"),
        (b'{"id": "\\ud83d", "text": "a"}', "lone_surrogate", "the id has a lone surrogate"),
        (b'{"id": "x", "text": "a", "s": ["\\udc00"]}', "lone_surrogate", "'s' has a lone"),
        (b'{"id": "x", "text": "a", "\\udc00": 1}', "lone_surrogate", r"'\udc00' has a lone"),
        (b'{"id": "x"}', "no_text", "text is nothing, expected a string"),
        (b'{"id": "x", "text": null}', "no_text", "text is nothing"),
        (b'{"id": "x", "text": 12}', "no_text", "text is int 12"),
        (b'{"id": "x", "text": "abc", "spans": {}}', "bad_span", "spans is dict {}"),
    ],
)
def test_a_broken_line_is_set_aside_and_its_neighbours_go_on(
    line: bytes, reason: str, said: str, tmp_path: Path
) -> None:
    before, rejection, after = read_lines(tmp_path, GOOD, line, GOOD.replace(b"good", b"too"))
    assert isinstance(before, Report) and isinstance(after, Report)
    assert (before.id, after.id) == ("good", "too")
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.line) == (reason, 2)
    assert rejection.file == str(tmp_path / "in.jsonl")
    assert said in rejection.message


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([{"start": "0", "end": 3, "label": "A"}], ["span 1: start is str '0'"]),
        ([{"start": 0.0, "end": 3, "label": "A"}], ["span 1: start is float 0.0"]),
        ([{"start": False, "end": 3, "label": "A"}], ["span 1: start is bool False"]),
        ([{"label": "A"}], ["start is nothing", "end is nothing"]),
        ([{"start": 0, "end": 1}], ["span 1: label is nothing"]),
        ([{"start": 0, "end": 1, "label": ""}], ["label is str ''"]),
        ([{"start": 0, "end": 1, "label": "A", "score": "high"}], ["score is str 'high'"]),
        ([{"start": 0, "end": 1, "label": "A", "score": float("nan")}], ["score is float nan"]),
        ([[0, 3, "A"]], ["span 1: is list [0, 3, 'A']"]),
        ([{"start": 3, "end": 1, "label": "A"}], ["span A 3–1 is reversed"]),
        ([{"start": 2, "end": 2, "label": "A"}], ["span A 2–2 is empty"]),
        ([{"start": 0, "end": 9, "label": "A"}], ["span A 0–9 is outside the text of 6"]),
        ([{"start": -1, "end": 2, "label": "A"}], ["span A -1–2 is outside"]),
        (
            [
                {"start": 0, "end": 3, "label": "A"},
                {"start": 2, "end": 5, "label": "B"},
                {"start": 5, "end": 4, "label": "C"},
                {"start": "x", "end": 4, "label": "D"},
            ],
            ["span B 2–5 overlaps A 0–3", "span C 5–4 is reversed", "span 4: start is str 'x'"],
        ),
    ],
)
def test_all_problems_of_a_reports_spans_are_told(
    spans: list[object], said: list[str], tmp_path: Path
) -> None:
    line = json.dumps({"id": "x", "text": "abcdef", "spans": spans})
    rejection, good = read_lines(tmp_path, line.encode(), GOOD)
    assert isinstance(rejection, Rejection) and isinstance(good, Report)
    assert (rejection.reason, rejection.id, rejection.line) == ("bad_span", "x", 1)
    for part in said:
        assert part in rejection.message


def test_spans_are_not_looked_at_where_they_are_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "x", "text": "abc", "spans": "nonsense", "date": "2024-05-01"}\n')
    assert list(read_records([path], ReadOptions(with_spans=False))) == [
        Report("x", "abc", None, {"date": "2024-05-01"})
    ]


def test_ids_may_be_numbers_and_missing_ones_become_file_and_line(tmp_path: Path) -> None:
    read = read_lines(tmp_path, b'{"id": 7, "text": "a"}', b"", b'{"text": "b"}')
    assert [r.id for r in read if isinstance(r, Report)] == ["7", f"{tmp_path / 'in.jsonl'}:3"]


def test_the_first_of_equal_ids_is_kept_over_all_sources(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text('{"id": "a", "text": "first"}\n')
    two.write_text('{"id": "b", "text": "b"}\n{"id": "a", "text": "second"}\n')
    first, other, rejection = read_records([one, two])
    assert first == Report("a", "first")
    assert other == Report("b", "b")
    assert rejection == Rejection(
        str(two), 2, "a", "duplicate_id", f"this id stood first in {one}:1; that one is kept"
    )


def test_repeated_spans_are_merged_and_counted(tmp_path: Path) -> None:
    span = {"start": 0, "end": 3, "label": "A"}
    line = json.dumps({"id": "x", "text": "abc", "spans": [span, span, span]})
    repair, report = read_lines(tmp_path, line.encode())
    assert isinstance(repair, Repair)
    assert repair.kind == "repeated spans merged"
    assert repair.message.startswith("2 ")
    assert report == Report("x", "abc", (Span(0, 3, "A"),))


def test_a_span_whose_text_differs_is_kept_by_its_offsets_and_told(tmp_path: Path) -> None:
    spans = [
        {"start": 0, "end": 3, "label": "A", "text": "abc", "note": 1},
        {"start": 4, "end": 7, "label": "B", "text": "xyz"},
    ]
    line = json.dumps({"id": "x", "text": "abc def", "spans": spans})
    repair, report = read_lines(tmp_path, line.encode())
    assert isinstance(repair, Repair) and isinstance(report, Report)
    assert repair.kind == "span text differs"
    assert "B 4–7 covers 'def', but its text is 'xyz'" in repair.message
    assert report.spans == (Span(0, 3, "A"), Span(4, 7, "B"))
    assert report.spans is not None
    assert report.spans[0].fields == {"text": "abc", "note": 1}


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x1c", "\x0b", "\x0c"])
def test_only_a_line_feed_ends_a_line(separator: str, tmp_path: Path) -> None:
    text = f"سطر{separator}آخر"
    line = json.dumps({"id": "x", "text": text}, ensure_ascii=False)
    assert read_lines(tmp_path, line.encode()) == [Report("x", text)]


def test_a_byte_order_mark_and_carriage_returns_are_no_matter(tmp_path: Path) -> None:
    read = read_lines(
        tmp_path, b"\xef\xbb\xbf" + GOOD + b"\r", b"\r", b'{"id":"x","text":"a\\r\\nb"}\r'
    )
    assert read == [Report("good", "قصف الرقة"), Report("x", "a\r\nb")]


def test_windows_1256_is_recognised_named_and_read(tmp_path: Path) -> None:
    line = '{"id": "x", "text": "قصف على الرقة، ومقتل ثلاثة"}'.encode("windows-1256")
    good, rejection = read_lines(tmp_path, GOOD, line)
    assert isinstance(good, Report) and isinstance(rejection, Rejection)
    assert rejection.reason == "not_utf8"
    assert rejection.message.endswith(
        "it reads as windows-1256 Arabic: give --encoding windows-1256"
    )
    read = read_lines(tmp_path, line, encoding="windows-1256")
    assert read == [Report("x", "قصف على الرقة، ومقتل ثلاثة")]


@pytest.mark.parametrize(
    "line",
    [
        "قصف على الرقة، ومقتل ثلاثة مدنيين".encode()[:-1],
        "قصف على الرقة".encode()[1:],
        "été à la frontière, déjà, où".encode("latin-1"),
    ],
)
def test_other_broken_bytes_are_not_taken_for_windows_1256(line: bytes, tmp_path: Path) -> None:
    (rejection,) = read_lines(tmp_path, b'{"text": "' + line + b'"}')
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "not_utf8"
    assert "1256" not in rejection.message


def test_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("قصف على الرقة", "utf-16")
    (rejection,) = read_records([path])
    assert isinstance(rejection, Rejection)
    assert "UTF-16" in rejection.message and "save it as UTF-8" in rejection.message


@pytest.mark.parametrize("encoding", ["klingon", "utf-16", "base64"])
def test_an_encoding_that_cannot_be_read_is_refused(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--encoding {encoding}: "):
        read_lines(tmp_path, GOOD, encoding=encoding)


def test_a_column_of_another_name_can_be_the_text(tmp_path: Path) -> None:
    line = b'{"nr": 5, "body": "b", "text": "old", "id": "i"}'
    *repairs, report = read_lines(tmp_path, line, text_column="body", id_column="nr")
    assert report == Report("5", "b", None, {"other_text": "old", "other_id": "i"})
    assert [str(r).split(": ")[-1] for r in repairs] == [
        "text is now other_text",
        "id is now other_id",
    ]


def test_a_long_text_with_many_spans_takes_little_time(tmp_path: Path) -> None:
    text = "داعش 🚨 " * 400_000
    spans = [{"start": n * 7, "end": n * 7 + 4, "label": "ACTOR"} for n in range(20_000)]
    line = json.dumps({"id": "x", "text": text, "spans": spans}, ensure_ascii=False)
    for name in ("r.jsonl", "r.json", "r.conll"):
        started = time.monotonic()
        (report,) = read_lines(tmp_path, line.encode())
        assert isinstance(report, Report) and report.spans is not None
        assert (len(report.text), len(report.spans)) == (2_800_000, 20_000)
        write_reports([report], tmp_path / name)
        assert list(read_records([tmp_path / name])) == [report]
        # Minutes, if anything looked at all of the text for each span.
        assert time.monotonic() - started < 60


def test_predictions_are_written_without_texts_and_read_by_id(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    spans = (Span(0, 3, "ACTOR", 0.75), Span(4, 7, "LOCATION", 0.5, {"place": "Q1"}))
    reports = [
        Report("a", "abc def", spans, {"uncertainty": 0.25, "source": "s"}),
        Report("b", "x", ()),
    ]
    assert write_reports(reports, path, "predictions") == 2
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {
            "id": "a",
            "spans": [
                {"start": 0, "end": 3, "label": "ACTOR", "text": "abc", "score": 0.75},
                {
                    "start": 4,
                    "end": 7,
                    "label": "LOCATION",
                    "text": "def",
                    "score": 0.5,
                    "place": "Q1",
                },
            ],
            "uncertainty": 0.25,
            "source": "s",
        },
        {"id": "b", "spans": []},
    ]
    read = read_predictions(path)
    assert read == {"a": spans, "b": ()}
    assert [span.score for span in read["a"]] == [0.75, 0.5]


def test_all_problems_of_a_predictions_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        "\n".join(
            [
                '{"id": "a", "spans": []}',
                "{",
                '{"spans": []}',
                '{"id": "b"}',
                '{"id": "c", "spans": [{"start": 3, "end": 1, "label": "A"}]}',
                '{"id": "a", "spans": []}',
                '{"id": "d", "spans": [{"start": 0, "end": 999999999999, "label": "A"}]}',
            ]
        )
    )
    with pytest.raises(UserError) as caught:
        read_predictions(path)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{path}:")[0] for line in lines] == list("234567")
    for line, said in zip(
        lines,
        [
            "not JSON",
            "no id",
            "id b: spans is nothing",
            "span A 3–1 is reversed",
            "id a stood first in line 1",
            "further than any text",
        ],
        strict=True,
    ):
        assert said in line


def test_a_missing_predictions_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_predictions(tmp_path / "p.jsonl")

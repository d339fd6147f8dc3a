"""Inputs that are cut: what their stretches say together is what the whole says."""

import gzip
import json
import lzma
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.formats import ReadOptions, write_reports
from annotation.formats.reading import check_sources, read_source
from annotation.formats.source import Source
from annotation.formats.stretch_reader import StretchReader
from annotation.formats.stretches import Limits, Stretch, cut_source
from annotation.ledger import Record
from annotation.problems import Rejection, UserError
from annotation.report import Report

OPTIONS = ReadOptions(with_spans=False)
Located = tuple[int | None, Record]

JSONL_LINES = (
    b'{"id": "a", "text": "\xd8\xb1\xd8\xb5\xd8\xaf"}\n',
    b'{"text": "no id"}\n',
    b'{"id": 7, "text": "crlf"}\r\n',
    b'{"id": "b"\n',
    b'{"id": "c", "text": "\xff"}\n',
    b"\n",
    b"   \n",
    b'{"id": "d", "text": ""}\n',
    b'{"id": "e", "text": "a\\nb"}\n',
)
CSV_LINES = (
    b"1,plain\n",
    b'2,"two\nlines"\n',
    b'3,"doubled "" mark"\r\n',
    b"\n",
    b"4,too,many\n",
    b"5,\xff\n",
    b',"no id"\n',
    b'6,"never closed\n',
    b"7\n",
)
CONLL_LINES = (
    b"# id = a\n",
    b"\xd8\xb1\xd8\xb5\xd8\xaf O\n",
    b"\xd9\x82\xd8\xa7\xd9\x84 B-ACTOR\n",
    b"\xff O\n",
    b"\n",
    b" \t\n",
    b"no tag here\n",
)


def whole(source: Source, options: ReadOptions = OPTIONS) -> list[Located]:
    return list(read_source(source, options))


def in_stretches(source: Source, limits: Limits, options: ReadOptions = OPTIONS) -> list[Located]:
    stretches = list(cut_source(source, options, limits))
    found: list[Located] = []
    with StretchReader(options) as reader:
        for stretch in stretches:
            found += one_stretch(reader, source, stretch, options)
    return found


def one_stretch(
    reader: StretchReader, source: Source, stretch: Stretch, options: ReadOptions = OPTIONS
) -> list[Located]:
    found: list[Located] = []
    for content in reader.read(source, stretch):
        if isinstance(content, Rejection):
            found.append((None, content))
        else:
            found += read_source(content, options)
    return found


def source_of(path: Path) -> Source:
    ((source,), left_out) = check_sources([path], OPTIONS)
    assert left_out == []
    return source


def written(path: Path, content: bytes) -> Source:
    path.write_bytes(content)
    return source_of(path)


@pytest.mark.parametrize(
    ("name", "begin", "lines"),
    [
        ("in.jsonl", b"", JSONL_LINES),
        ("in.jsonl", b"\xef\xbb\xbf", JSONL_LINES),
        ("in.csv", b"id,text\n", CSV_LINES),
        ("in.csv", b"\xef\xbb\xbfid;text\r\n", tuple(x.replace(b",", b";") for x in CSV_LINES)),
        ("in.conll", b"", CONLL_LINES),
    ],
    ids=["jsonl", "jsonl with a byte order mark", "csv", "csv with semicolons", "conll"],
)
@settings(max_examples=60)
@given(data=st.data())
def test_stretches_together_say_what_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    begin: bytes,
    lines: tuple[bytes, ...],
    data: Any,
) -> None:
    drawn = data.draw(st.lists(st.sampled_from(lines), max_size=14))
    ending = data.draw(st.sampled_from([b"", b"x"]))
    limits = Limits(data.draw(st.integers(1, 60)), data.draw(st.integers(1, 6)))
    path = tmp_path_factory.mktemp("cut") / name
    source = written(path, begin + b"".join(drawn) + ending)
    expected, found = whole(source), in_stretches(source, limits)
    if name == "in.csv":
        # Where a quotation mark is never closed, what the parser stumbles over is another line.
        def without_words(located: Located) -> Located:
            line, record = located
            broken = isinstance(record, Rejection) and record.reason == "unreadable"
            return line, replace(record, message="") if broken else record

        expected, found = [*map(without_words, expected)], [*map(without_words, found)]
    assert found == expected


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.compress),
    ],
)
def test_a_packed_file_is_cut_as_what_it_holds(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    lines = [
        json.dumps({"id": f"r{n}", "text": "رصد " * (n % 97)}).encode() + b"\n" for n in range(3000)
    ]
    source = written(tmp_path / f"in.jsonl{suffix}", pack(b"".join(lines)))
    stretches = list(cut_source(source, OPTIONS, Limits(50_000, 10_000)))
    assert len(stretches) > 10
    assert [s.start for s in stretches[1:]] == [s.end for s in stretches[:-1]]
    assert (stretches[0].start, stretches[-1].end) == (0, sum(map(len, lines)))
    assert all(50_000 <= s.size < 52_000 for s in stretches[:-1])
    assert sum(s.lines for s in stretches) == 3000
    assert [s.first_line for s in stretches[1:]] == [
        1 + sum(s.lines for s in stretches[:k]) for k in range(1, len(stretches))
    ]
    # In any order: whoever goes on after a stop begins in the middle.
    order = random.Random(3).sample(range(len(stretches)), len(stretches))
    with StretchReader(OPTIONS) as reader:
        found = {k: one_stretch(reader, source, stretches[k]) for k in order}
    joined = [located for k in range(len(stretches)) for located in found[k]]
    assert joined == whole(source)
    assert [record.id for _, record in joined] == [f"r{n}" for n in range(3000)]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_packed_file_that_was_cut_short_costs_only_what_is_missing(
    tmp_path: Path, suffix: str
) -> None:
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress}[suffix]
    draw = random.Random(5)
    lines = [
        json.dumps({"id": f"r{n}", "text": draw.randbytes(40).hex()}).encode() for n in range(4000)
    ]
    packed = pack(b"\n".join(lines))
    source = written(tmp_path / f"in.jsonl{suffix}", packed[: len(packed) * 3 // 4])
    found = in_stretches(source, Limits(20_000, 500))
    expected = whole(source)
    assert found == expected
    *good, (line, last) = found
    assert [record.id for _, record in good] == [f"r{n}" for n in range(len(good))]
    assert 2000 < len(good) < 3200
    assert isinstance(last, Rejection)
    assert (line, last.reason) == (None, "unreadable")
    assert last.message.startswith(f"cannot be read after line {len(good)}: ")
    # Again, and from the middle: the same.
    stretches = list(cut_source(source, OPTIONS, Limits(20_000, 500)))
    assert stretches == list(cut_source(source, OPTIONS, Limits(20_000, 500)))
    with StretchReader(OPTIONS) as reader:
        late = [x for s in stretches[3:] for x in one_stretch(reader, source, s)]
    assert late == found[-len(late) :]


def table_of(path: Path, count: int) -> Source:
    reports = [Report(f"r{n}", "رصد " * (n % 50), fields={"n": n}) for n in range(count)]
    write_reports(reports, path)
    return source_of(path)


def test_a_parquet_file_is_cut_by_rows(tmp_path: Path) -> None:
    source = table_of(tmp_path / "in.parquet", 12_000)
    stretches = list(cut_source(source, OPTIONS, Limits(1 << 40, 1_700)))
    assert [(s.start, s.end) for s in stretches] == [
        (0, 1700), (1700, 3400), (3400, 5000),
        (5000, 6700), (6700, 8400), (8400, 10_000),
        (10_000, 11_700), (11_700, 12_000),
    ]  # fmt: skip
    with StretchReader(OPTIONS) as reader:
        found = {k: one_stretch(reader, source, stretches[k]) for k in (1, 2, 6, 3, 0, 4, 5, 7)}
    assert [x for k in range(8) for x in found[k]] == whole(source)
    assert found[6][0] == (10_001, whole(source)[10_000][1])


def test_a_packed_parquet_file_is_cut_too(tmp_path: Path) -> None:
    plain = table_of(tmp_path / "in.parquet", 700)
    assert plain.path is not None
    packed = written(tmp_path / "in.parquet.gz", gzip.compress(plain.path.read_bytes()))
    assert len(list(cut_source(packed, OPTIONS, Limits(1 << 40, 300)))) == 3
    assert in_stretches(packed, Limits(1 << 40, 300)) == whole(plain)


def test_a_damaged_page_costs_its_row_group_and_no_other(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    source = table_of(tmp_path / "in.parquet", 12_000)
    assert source.path is not None
    content = bytearray(source.path.read_bytes())
    with pq.ParquetFile(source.path) as table:
        column = table.metadata.row_group(1).column(1)
    for place in range(column.data_page_offset, column.data_page_offset + 400):
        content[place] ^= 0x5A
    source.path.write_bytes(bytes(content))
    found = in_stretches(source, Limits(1 << 40, 2_500))
    ids = {record.id for _, record in found if isinstance(record, Report)}
    assert {f"r{n}" for n in (*range(5_000), *range(10_000, 12_000))} <= ids
    told = [record for _, record in found if isinstance(record, Rejection)]
    assert {one.reason for one in told} == {"unreadable"}
    assert {one.file for one in told} == {str(source.path)}
    assert found == in_stretches(source, Limits(1 << 40, 2_500))


def test_what_is_no_parquet_at_all_is_one_damaged_stretch(tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", b"PAR1 or not")
    (stretch,) = cut_source(source, OPTIONS, Limits(100, 100))
    assert stretch.damage.startswith("not a Parquet file that can be read: ")
    assert in_stretches(source, Limits(100, 100)) == whole(source)


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_table_without_the_text_is_refused_when_it_is_cut(tmp_path: Path, name: str) -> None:
    source = table_of(tmp_path / "in.parquet", 3)
    if name == "in.csv":
        source = written(tmp_path / name, b"id,body\n1,x\n")
    options = replace(OPTIONS, text_column="story")
    with pytest.raises(UserError, match="no column 'story' for the text; name one with"):
        list(cut_source(source, options, Limits(100, 100)))


def test_sources_that_are_not_cut_are_one_stretch(tmp_path: Path) -> None:
    text = written(tmp_path / "in.txt", "رصد\r\nثان\n".encode())
    tasks = written(tmp_path / "in.json", b'[{"id": 1, "data": {"text": "a"}}]')
    for source in (text, tasks):
        assert len(list(cut_source(source, OPTIONS, Limits(1, 1)))) == 1
        assert in_stretches(source, Limits(1, 1)) == whole(source)
    assert in_stretches(text, Limits(1, 1)) == [(None, Report("in", "رصد\r\nثان\n"))]


@pytest.mark.parametrize("content", [b"", b"id,text\n"])
def test_a_table_without_rows_holds_nothing(tmp_path: Path, content: bytes) -> None:
    source = written(tmp_path / "in.csv", content or b"id,text")
    assert in_stretches(source, Limits(1, 1)) == whole(source) == []


def test_a_header_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", b"id,text,\xff\n1,a,b\n2,c,d\n")
    ((line, told),) = in_stretches(source, Limits(1, 1))
    assert (line, told) == whole(source)[0]
    assert isinstance(told, Rejection) and told.reason == "not_utf8"


def test_a_long_line_is_not_cut(tmp_path: Path) -> None:
    long = json.dumps({"id": "long", "text": "رصد" * 500_000}, ensure_ascii=False).encode()
    small = b'{"id": "s%d", "text": "x"}\n'
    content = small % 1 + long + b"\n" + small % 2 + small % 3
    source = written(tmp_path / "in.jsonl", content)
    stretches = list(cut_source(source, OPTIONS, Limits(1000, 100)))
    assert [s.lines for s in stretches] == [2, 2]
    assert in_stretches(source, Limits(1000, 100)) == whole(source)

"""Where an input can be cut, so that its stretches are read one by one, in any place, by anybody.

A stretch begins where a report begins, and read on its own it gives the reports, line numbers and
rejections that it gives within its file.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from annotation.files import UNREADABLE
from annotation.formats.options import ReadOptions
from annotation.formats.parquet import PARQUET_UNREADABLE, open_parquet, unreadable_parquet
from annotation.formats.source import Source
from annotation.formats.table import row_lines

_BLOCK_BYTES = 1 << 17


@dataclass(frozen=True, slots=True)
class Limits:
    """A stretch ends with the report that reaches one of these."""

    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one source. With `damage` it is what cannot be read, and why."""

    start: int
    """The first byte of the unpacked file; of Parquet the first row, from 0."""
    end: int | None
    """The byte, or row, behind the last; None: all there is."""
    first_line: int = 1
    """The number of its first line or row."""
    size: int = 0
    """About how many bytes it has."""
    lines: int = 1
    """How many lines or rows it has, for what is cut; a source that is not is one."""
    header: bytes = b""
    """The table's first line, which each of its stretches needs."""
    damage: str = ""


def cut_source(source: Source, options: ReadOptions, limits: Limits) -> Iterator[Stretch]:
    """The stretches of a source in order, for which it is read through once.

    Text and JSON files are one stretch each. Raises UserError where the reader would.
    """
    match source.format:
        case "jsonl" | "csv" | "conll":
            yield from _cut_lines(source, options, limits)
        case "parquet":
            yield from _cut_rows(source, options, limits)
        case _:
            yield Stretch(0, None, size=_file_size(source))


def read_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a stream as its unpacker hands them out.

    What can be read of a damaged file depends on how much is asked for at once. Whoever reads
    asks here, so that all get the same.
    """
    reader: Any = stream
    while block := reader.read1(_BLOCK_BYTES):
        yield block


def _cut_lines(source: Source, options: ReadOptions, limits: Limits) -> Iterator[Stretch]:
    damage = ""
    begun: tuple[int, int] | None = None
    lines = _CountedLines()
    try:
        with source.open() as stream:
            lines.follow(_lines_of(read_blocks(stream)))
            for number in _report_lines(lines, source, options):
                offset = lines.start_of(number)
                if begun is None:
                    begun = number, offset
                elif offset - begun[1] >= limits.bytes or number - begun[0] >= limits.lines:
                    yield _stretch_of_lines(source, lines, begun, number, offset)
                    begun = number, offset
    except UNREADABLE as error:
        reached = f" after line {lines.number}" if lines.number else ""
        damage = f"cannot be read{reached}: {error or type(error).__name__}"
    if begun is None and lines.number and source.format == "csv":
        # A header that cannot be read, or one without rows: the reader tells which.
        begun = 1, 0
    if begun is not None:
        yield _stretch_of_lines(source, lines, begun, lines.number + 1, lines.offset)
    if damage:
        yield Stretch(lines.offset, lines.offset, lines.number + 1, damage=damage)


def _stretch_of_lines(
    source: Source, lines: "_CountedLines", begun: tuple[int, int], number: int, offset: int
) -> Stretch:
    first_line, start = begun
    header = lines.first_line if source.format == "csv" and first_line > 1 else b""
    return Stretch(start, offset, first_line, offset - start, number - first_line, header)


def _report_lines(lines: "_CountedLines", source: Source, options: ReadOptions) -> Iterator[int]:
    """The numbers of the lines at which a report may begin."""
    match source.format:
        case "jsonl":
            for _ in lines:
                yield lines.number
        case "csv":
            yield from row_lines(lines, source, options)
        case _:
            # CoNLL: behind blank lines.
            was_blank = True
            for line in lines:
                is_blank = not line.strip(b" \t\r\n")
                if was_blank and not is_blank:
                    yield lines.number
                was_blank = is_blank


class _CountedLines(Iterator[bytes]):
    """Lines that pass through, and where each of the last ones began."""

    def __init__(self) -> None:
        self.number = 0
        """How many lines have passed."""
        self.offset = 0
        """How many bytes have passed."""
        self.first_line = b""
        self._lines: Iterator[bytes] = iter(())
        self._starts: deque[int] = deque()
        self._oldest = 1

    def follow(self, lines: Iterator[bytes]) -> None:
        """Let these pass."""
        self._lines = lines

    def __next__(self) -> bytes:
        line = next(self._lines)
        self._starts.append(self.offset)
        self.number += 1
        self.offset += len(line)
        if self.number == 1:
            self.first_line = line
        return line

    def start_of(self, number: int) -> int:
        """The first byte of a line that has passed; lines before it are forgotten."""
        while self._oldest < number:
            self._starts.popleft()
            self._oldest += 1
        return self._starts[0]


def _lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their `\\n`, the last one as it is."""
    begun: list[bytes] = []
    for block in blocks:
        first, *others = block.split(b"\n")
        begun.append(first)
        for other in others:
            yield b"".join(begun) + b"\n"
            begun = [other]
    if last := b"".join(begun):
        yield last


def _cut_rows(source: Source, options: ReadOptions, limits: Limits) -> Iterator[Stretch]:
    try:
        with open_parquet(source, options) as table:
            groups = [table.metadata.row_group(i) for i in range(table.num_row_groups)]
            counts = [(group.num_rows, group.total_byte_size) for group in groups]
    except PARQUET_UNREADABLE as error:
        yield Stretch(0, 0, damage=unreadable_parquet(error))
        return
    except UNREADABLE as error:
        yield Stretch(0, 0, damage=f"cannot be read: {error or type(error).__name__}")
        return
    row = 0
    for rows, size in counts:
        row_bytes = max(1, size // max(1, rows))
        step = max(1, min(limits.lines, limits.bytes // row_bytes))
        for start in range(row, row + rows, step):
            end = min(start + step, row + rows)
            yield Stretch(start, end, start + 1, (end - start) * row_bytes, end - start)
        row += rows


def _file_size(source: Source) -> int:
    try:
        return source.path.stat().st_size if source.path is not None else 0
    except OSError:
        return 0

"""Brings stretches of inputs into memory, as sources that the readers of formats take."""

import io
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import accumulate
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.files import UNREADABLE
from annotation.formats.options import ReadOptions
from annotation.formats.parquet import PARQUET_UNREADABLE, open_parquet, unreadable_parquet
from annotation.formats.source import Source
from annotation.formats.stretches import Stretch, read_blocks
from annotation.problems import Rejection, UserError

Contents = Source | Rejection
"""A stretch in memory, or what is told of one that cannot be read."""

_READ_ROWS = 256


class StretchReader:
    """Reads stretches in any order, and those of one source without going back to its beginning."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._opened = ExitStack()
        self._source: Source | None = None
        self._cursor: _Cursor | None = None

    def __enter__(self) -> "StretchReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the source that was read last."""
        self._opened.close()
        self._source = self._cursor = None

    def read(self, source: Source, stretch: Stretch) -> Iterator[Contents]:
        """What the stretch holds. Raises UserError where the source has become another one."""
        if stretch.damage:
            yield _unreadable(source, stretch.damage)
            return
        try:
            content, damage = self._cursor_at(source, stretch).take(stretch)
        except (*UNREADABLE, *PARQUET_UNREADABLE) as error:
            content, damage = None, f"cannot be read: {error or type(error).__name__}"
        if content is not None:
            yield replace(source, content=stretch.header + content, first_line=stretch.first_line)
        if damage:
            self.close()
            yield _unreadable(source, damage)

    def _cursor_at(self, source: Source, stretch: Stretch) -> "_Cursor":
        cursor = self._cursor
        if cursor is None or self._source != source or cursor.position > stretch.start:
            self.close()
            if source.format == "parquet":
                cursor = _RowCursor(source, self._options, self._opened)
            else:
                cursor = _ByteCursor(source, self._opened)
            self._source, self._cursor = source, cursor
        return cursor


def _unreadable(source: Source, message: str) -> Rejection:
    return Rejection(source.name, None, None, "unreadable", message)


class _Cursor(Protocol):
    position: int
    """How far the source has been read; no stretch before it can be had."""

    def take(self, stretch: Stretch) -> tuple[bytes | None, str]:
        """The content, and what is wrong with the rest of the stretch."""
        ...


class _ByteCursor:
    """Reads on in a file of bytes. A damaged file shows before, when it is cut."""

    def __init__(self, source: Source, opened: ExitStack) -> None:
        self.position = 0
        self._source = source
        self._stream: IO[bytes] = opened.enter_context(source.open())
        self._blocks = read_blocks(self._stream)
        self._left = b""

    def take(self, stretch: Stretch) -> tuple[bytes | None, str]:
        """See _Cursor."""
        if stretch.end is None:
            content = self._stream.read()
            self.position = len(content)
            return content, ""
        if self._source.packed:
            self._unpack(stretch.start - self.position)
            content = self._unpack(stretch.end - stretch.start)
        else:
            self._stream.seek(stretch.start)
            content = self._stream.read(stretch.end - stretch.start)
        self.position = stretch.end
        if len(content) < stretch.end - stretch.start:
            raise UserError(f"{self._source.name}: became shorter while it was read")
        return content, ""

    def _unpack(self, count: int) -> bytes:
        """The next `count` bytes, less at the end of the file."""
        parts, missing = [], count
        while missing:
            part = self._left or next(self._blocks, b"")
            if not part:
                break
            parts.append(part[:missing])
            self._left = part[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


class _RowCursor:
    """Reads on in the rows of a Parquet file."""

    def __init__(self, source: Source, options: ReadOptions, opened: ExitStack) -> None:
        self.position = 0
        self._table: Any = opened.enter_context(open_parquet(source, options))
        metadata = self._table.metadata
        counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._group_starts = list(accumulate(counts, initial=0))[:-1]
        self._batches = self._read_on(0)
        self._left: Any = None
        """Rows that were read already, from `position` on."""

    def _read_on(self, group: int) -> Iterator[Any]:
        # Group by group: what can be read of a damaged one then does not depend on where somebody
        # came from.
        for index in range(group, len(self._group_starts)):
            yield from self._table.iter_batches(batch_size=_READ_ROWS, row_groups=[index])

    def take(self, stretch: Stretch) -> tuple[bytes | None, str]:
        """See _Cursor. Rows before a damaged page are good."""
        assert stretch.end is not None
        rows: list[Any] = []
        damage = ""
        try:
            self._jump(stretch.start)
            while self.position < stretch.end:
                if not self._left:
                    self._left = next(self._batches, None)
                    if self._left is None:
                        break
                skipped = min(self._left.num_rows, max(0, stretch.start - self.position))
                wanted = min(self._left.num_rows - skipped, stretch.end - self.position - skipped)
                if wanted:
                    rows.append(self._left.slice(skipped, wanted))
                self._left = self._left.slice(skipped + wanted)
                self.position += skipped + wanted
        except PARQUET_UNREADABLE as error:
            damage = unreadable_parquet(error)
        except UNREADABLE as error:
            damage = f"cannot be read: {error or type(error).__name__}"
        return _rows_to_parquet(rows) if rows else None, damage

    def _jump(self, row: int) -> None:
        """Pass over the row groups that end before `row`, unread."""
        group = bisect_right(self._group_starts, row) - 1
        if self._group_starts[group] > self.position:
            self._batches, self._left = self._read_on(group), None
            self.position = self._group_starts[group]


def _rows_to_parquet(rows: list[Any]) -> bytes:
    table = pa.Table.from_batches(rows)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, compression="none", use_dictionary=False) as copy:
        copy.write_table(table)
    return sink.getvalue()

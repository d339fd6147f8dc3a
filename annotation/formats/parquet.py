"""Parquet: a report a row, its spans a list in it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.formats.columns import field_names, look_ahead
from annotation.formats.options import ReadOptions
from annotation.formats.rows import row_to_records
from annotation.formats.source import Source
from annotation.formats.spans import offset_problems
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, UserError
from annotation.report import Report, Span

PARQUET_UNREADABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
"""What pyarrow raises over a damaged file, beside `files.UNREADABLE`."""

_READ_ROWS = 256
_GROUP_ROWS = 5000
_GROUP_CHARACTERS = 1 << 22
_REST = "fields"
"""The column for what has none: further keys with nested values or of more than one type."""
_SPAN_TYPE = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("score", pa.float64()),
        (_REST, pa.string()),
    ]
)
_SCALARS: Mapping[type, Any] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
}


def read_parquet(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The reports of a Parquet file, a row each.

    Raises UserError where there is no column of that name for the text.
    """
    row_number = source.first_line - 1
    try:
        with open_parquet(source, options) as table:
            names = table.schema_arrow.names
            columns = [name for name in names if options.with_spans or name != "spans"]
            for batch in table.iter_batches(batch_size=_READ_ROWS, columns=columns):
                for cells in batch.to_pylist():
                    row_number += 1
                    row = _cells_to_row(cells, options.text_column)
                    for record in row_to_records(row, source.name, row_number, options):
                        yield row_number, record
    except PARQUET_UNREADABLE as error:
        yield None, Rejection(source.name, None, None, "unreadable", unreadable_parquet(error))


@contextmanager
def open_parquet(source: Source, options: ReadOptions) -> Iterator[Any]:
    """The `pyarrow.parquet.ParquetFile` of a source.

    Raises UserError where there is no column of that name for the text, PARQUET_UNREADABLE for a
    broken file.
    """
    with source.open_seekable() as stream, pq.ParquetFile(stream) as table:
        names = table.schema_arrow.names
        if options.text_column not in names:
            raise UserError(
                f"{source.name}: no column {options.text_column!r} for the text; "
                f"name one with --text-column; the columns are: {', '.join(names)}"
            )
        yield table


def unreadable_parquet(error: Exception) -> str:
    """What is told of a broken file."""
    return f"not a Parquet file that can be read: {error}"


def _cells_to_row(cells: dict[str, Any], text_column: str) -> dict[str, Any]:
    row = {name: _plain(value) for name, value in cells.items() if value is not None}
    rest = _parse_object(row.get(_REST))
    if rest is not None:
        del row[_REST]
        row |= rest
    if isinstance(row.get("spans"), list):
        row["spans"] = [
            _cells_to_span(span, row.get(text_column)) if isinstance(span, dict) else span
            for span in row["spans"]
        ]
    return row


def _cells_to_span(cells: dict[str, Any], text: object) -> dict[str, Any]:
    span = {name: value for name, value in cells.items() if value is not None}
    # What the writer added for people and other tools says nothing new here.
    known = isinstance(text, str) and not offset_problems(span)
    if known and span.get("text") == str(text)[span["start"] : span["end"]]:
        del span["text"]
    rest = _parse_object(span.get(_REST))
    if rest is not None:
        del span[_REST]
        span |= rest
    return span


def _parse_object(value: object) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: dates as ISO 8601, other things as their text."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case bytes():
            # Spark and others store texts as plain bytes.
            return value.decode("utf-8", "surrogateescape")
        case None | str() | bool() | int() | float():
            return value
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def write_parquet(reports: Iterable[Report], stream: IO[bytes], ledger: Ledger) -> int:
    """Write all of each report, in row groups; everything comes back on reading."""
    first, rest = look_ahead(reports)
    columns = _scalar_columns(first)
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("text", pa.string()),
            ("spans", pa.list_(_SPAN_TYPE)),
            *((name, _SCALARS[kind]) for name, kind in columns.items()),
            (_REST, pa.string()),
        ]
    )
    written = 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as table:
        for group in _groups(rest):
            rows = [_report_to_cells(report, columns) for report in group]
            table.write_table(pa.Table.from_pylist(rows, schema=schema))
            written += len(rows)
    return written


def _groups(reports: Iterable[Report]) -> Iterator[list[Report]]:
    group: list[Report] = []
    characters = 0
    for report in reports:
        group.append(report)
        characters += len(report.text)
        if len(group) >= _GROUP_ROWS or characters >= _GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _scalar_columns(reports: Sequence[Report]) -> dict[str, type]:
    """The further keys that get a column: those whose values are scalars of one type."""
    columns = {}
    for name in field_names(reports):
        kinds = {type(report.fields[name]) for report in reports if name in report.fields}
        if len(kinds) == 1 and (kind := kinds.pop()) in _SCALARS and name != _REST:
            columns[name] = kind
    return columns


def _report_to_cells(report: Report, columns: Mapping[str, type]) -> dict[str, Any]:
    fields = {name: report.fields[name] for name in field_names([report])}
    cells: dict[str, Any] = {"id": report.id, "text": report.text}
    if report.spans is not None:
        cells["spans"] = [_span_to_cells(span, report.text) for span in report.spans]
    for name, kind in columns.items():
        value = fields.get(name)
        fits = not isinstance(value, int) or -(2**63) <= value < 2**63
        if type(value) is kind and fits:
            cells[name] = fields.pop(name)
    cells[_REST] = json.dumps(fields, ensure_ascii=False) if fields else None
    return cells


def _span_to_cells(span: Span, text: str) -> dict[str, Any]:
    fields = {key: value for key, value in span.fields.items() if key != "text"}
    return {
        "start": span.start,
        "end": span.end,
        "label": span.label,
        "text": text[span.start : span.end],
        "score": span.score,
        _REST: json.dumps(fields, ensure_ascii=False) if fields else None,
    }

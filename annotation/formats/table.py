"""CSV: read a report a row, written a span a row."""

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from annotation.files import plain_suffix
from annotation.formats.columns import field_names, look_ahead
from annotation.formats.decoding import numbered_lines, undecodable
from annotation.formats.options import ReadOptions
from annotation.formats.rows import row_to_records
from annotation.formats.source import Source
from annotation.formats.spans import further_keys
from annotation.ledger import Ledger, Record
from annotation.problems import Reason, Rejection, Repair, UserError
from annotation.report import Report

_SPAN_COLUMNS = ("id", "start", "end", "label", "text", "score")
_LONGEST_CELL = 1 << 28


class _Lines(Iterator[str]):
    """The lines of a file, which can be gone back to from the second one of a row on.

    A byte that cannot be decoded becomes a lone surrogate that says which it was: the parser goes
    over it, and only the row that holds it is lost.
    """

    def __init__(self, stream: Iterable[bytes], encoding: str) -> None:
        self._decoded = (
            raw.decode(encoding, "surrogateescape") for _, raw in numbered_lines(stream)
        )
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self.number = 0

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._decoded)
        self.number += 1
        self._row.append(line)
        return line

    def begin_row(self) -> int:
        """The number of the line that comes next, where a row begins."""
        self._row.clear()
        return self.number + 1

    def return_to_second_line(self) -> None:
        again = self._row[1:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)


def read_csv(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The reports of a table with a header, a row each. A row that is broken costs that row.

    Raises UserError where there is no column of that name for the text.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with source.open() as stream:
        lines = _Lines(stream, options.encoding)
        delimiter, header, damage = _read_header(lines, source, options)
        if damage:
            message = f"header: {damage}; nothing of the table was read"
            yield 1, Rejection(source.name, 1, None, "not_utf8", message)
            return
        if source.first_line > 1:
            lines.number = source.first_line - 1
        for line, cells in _rows(lines, delimiter):
            if isinstance(cells, str):
                yield line, _rejected(source, line, "unreadable", cells)
            elif len(cells) != len(header):
                message = f"{len(cells)} cells, expected {len(header)} as in the header"
                yield line, _rejected(source, line, "unreadable", message)
            elif damage := _undecodable_cell(cells, options.encoding):
                yield line, _rejected(source, line, "not_utf8", damage)
            else:
                row = dict(zip(header, cells, strict=True))
                for record in _row_to_records(row, source, line, options):
                    yield line, record


def row_lines(stream: Iterable[bytes], source: Source, options: ReadOptions) -> Iterator[int]:
    """The numbers of the lines at which `read_csv` begins a row, as it comes to them.

    None for a table whose header cannot be read. Raises UserError as `read_csv` does.
    """
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(stream, options.encoding)
    delimiter, _, damage = _read_header(lines, source, options)
    if not damage:
        for line, _ in _rows(lines, delimiter):
            yield line


def _read_header(
    lines: _Lines, source: Source, options: ReadOptions
) -> tuple[str, list[str], str | None]:
    """The delimiter, the columns, and what is wrong with the header's bytes.

    Raises UserError for columns that hold no reports.
    """
    first_line = next(lines, "")
    lines.begin_row()
    delimiter = _delimiter(first_line, source)
    # The header is one line: column names hold no line breaks.
    header = next(csv.reader([first_line], delimiter=delimiter), [])
    damage = _undecodable_cell(header, options.encoding)
    if not damage:
        _check_header(header, source, options)
    return delimiter, header, damage


def _delimiter(header: str, source: Source) -> str:
    """Tab in .tsv; else comma, semicolon (many countries' spreadsheets) or tab, by the header."""
    if source.path is not None and plain_suffix(source.path) == ".tsv":
        return "\t"
    return max(",;\t", key=header.count)


def _check_header(header: Sequence[str], source: Source, options: ReadOptions) -> None:
    if options.text_column not in header:
        there = ", ".join(header) or "none: it is empty"
        raise UserError(
            f"{source.name}: no column {options.text_column!r} for the text; "
            f"name one with --text-column; the columns are: {there}"
        )
    if options.text_column == "text" and {"id", "start", "end", "label"} <= set(header):
        raise UserError(
            f"{source.name}: is a table of spans, a span a row, and holds no reports; "
            "expected a report a row"
        )
    twice = sorted({name for name in header if header.count(name) > 1 and name})
    if twice:
        raise UserError(f"{source.name}: column {', '.join(twice)} stands there twice")


def _rows(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows with the number of their first line; in place of a broken one, what is wrong with it.

    A quotation mark that is never closed would take all rows after it into one cell: after such
    a row, reading goes on with the line after its first.
    """
    parser = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = lines.begin_row()
        try:
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            lines.return_to_second_line()
            yield number, f"not a row of CSV: {error}; are its quotation marks closed and doubled?"
            continue
        if cells:
            yield number, cells


def _undecodable_cell(cells: Sequence[str], encoding: str) -> str | None:
    """What is wrong with the first cell that could not be decoded."""
    for column, cell in enumerate(cells, 1):
        if cell.isascii():
            continue
        escaped = next((i for i, c in enumerate(cell) if "\ud800" <= c <= "\udfff"), None)
        if escaped is not None:
            raw = cell.encode(encoding, "surrogateescape")
            offset = len(cell[:escaped].encode(encoding, "surrogateescape"))
            return undecodable(raw, offset, encoding, f"cell in column {column}")
    return None


def _row_to_records(
    row: dict[str, Any], source: Source, line: int, options: ReadOptions
) -> Iterator[Record]:
    if not row.get("spans"):
        row.pop("spans", None)
    elif options.with_spans:
        try:
            row["spans"] = json.loads(row["spans"])
        except (ValueError, RecursionError):
            yield _rejected(source, line, "bad_span", "spans is not JSON, expected a list of spans")
            return
    yield from row_to_records(row, source.name, line, options)


def _rejected(source: Source, line: int, reason: Reason, message: str) -> Rejection:
    return Rejection(source.name, line, None, reason, message)


def write_csv(reports: Iterable[Report], stream: IO[str], ledger: Ledger) -> int:
    """Write a row a span, and a row without one for a report that has none."""
    first, rest = look_ahead(reports)
    names = field_names(first)
    # A field that has the name of a column of the span stays apart from it.
    header = [f"report_{name}" if name in _SPAN_COLUMNS else name for name in names]
    table = csv.writer(stream)
    table.writerow([*_SPAN_COLUMNS, *header])
    written = 0
    for report in rest:
        further = [_cell(report.fields.get(name)) for name in names]
        for span in report.spans or ():
            covered = report.text[span.start : span.end]
            score = _cell(span.score)
            table.writerow([report.id, span.start, span.end, span.label, covered, score, *further])
        if not report.spans:
            table.writerow([report.id, *[""] * (len(_SPAN_COLUMNS) - 1), *further])
        _tell_left_out(report, names, ledger)
        written += 1
    return written


def _tell_left_out(report: Report, names: Sequence[str], ledger: Ledger) -> None:
    late = [name for name in field_names([report]) if name not in names]
    if late:
        message = f"{', '.join(late)}: the table's header was written before they were met"
        ledger.enter(Repair("output", None, report.id, "keys left out", message))
    if any(further_keys(span) for span in report.spans or ()):
        message = "the table has no columns for them"
        ledger.enter(Repair("output", None, report.id, "span keys left out", message))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

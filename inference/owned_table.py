"""Tables that researchers own, of parties and of places: CSV files with a line of column names."""

import csv
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO

from annotation.problems import UserError


def read_owned_table(
    path: str | Path, text: TextIO, columns: Sequence[str], required: Collection[str]
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """The rows, their stripped cells by column, or what is wrong with one; each with its line.

    `text` is opened with newline="" and errors="surrogateescape"; blank rows are left out. Raises
    UserError that tells all problems of the first line, without which nothing can be read: it has
    all `required` columns, and others only of `columns`.
    """
    rows = _read_rows(text)
    first = next(rows, None)
    if first is None:
        raise UserError(f"{path}: is empty, expected a line with {', '.join(columns)}")
    line, header = first
    problems = [header] if isinstance(header, str) else _header_problems(header, columns, required)
    if isinstance(header, str) or problems:
        raise UserError("\n".join(f"{path}:{line}: {told}" for told in problems))
    for line, cells in rows:
        if isinstance(cells, str):
            yield line, cells
        elif len(cells) != len(header):
            yield line, f"{len(cells)} cells, expected {len(header)} as in the first line"
        else:
            yield line, dict(zip(header, (cell.strip() for cell in cells), strict=True))


def _read_rows(text: TextIO) -> Iterator[tuple[int, list[str] | str]]:
    rows = csv.reader(text, strict=True)
    begins = 1
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, f"not CSV: {error}"
        else:
            if any(any("\udc80" <= letter <= "\udcff" for letter in cell) for cell in cells):
                yield begins, "not UTF-8; save the table as CSV UTF-8 (comma delimited)"
            elif any(cell.strip() for cell in cells):
                yield begins, cells
        begins = rows.line_num + 1


def _header_problems(
    header: Sequence[str], columns: Sequence[str], required: Collection[str]
) -> list[str]:
    problems = []
    for name in header:
        if name not in columns:
            near = get_close_matches(name, columns, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"unknown column {name!r}{guess}; expected {', '.join(columns)}")
    for name in columns:
        if header.count(name) > 1:
            told = f"column {name} stands there {header.count(name)} times, expected once"
            problems.append(told)
    some = "" if len(required) == len(columns) else "at least "
    for name in required:
        if name not in header:
            problems.append(f"no column {name}; expected {some}{', '.join(required)}")
    return problems

"""The plain gazetteer: a CSV file that researchers own, a row a place."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TextIO, cast

from annotation.problems import UserError
from inference.names.letters import name_key
from inference.places.place import LEVELS, Level, Place
from inference.places.row import BadRow, GazetteerRow, read_coordinate

COLUMNS = (
    "id",
    "name_ar",
    "name_en",
    "aliases",
    "level",
    "country",
    "division",
    "latitude",
    "longitude",
)
REQUIRED = ("id", "name_ar", "latitude", "longitude")
"""The columns that a table must have; without `level`, its places are towns."""
SEPARATOR = "|"
"""Between aliases."""
SHARED = "?"
"""Behind an alias, or the name itself among the aliases, that other places go by as well."""


def read_plain_table(path: str, text: TextIO) -> Iterator[GazetteerRow | BadRow]:
    """The rows of a table, opened with newline="" and errors="surrogateescape".

    Raises UserError that tells all problems of the first line, without which nothing can be read.
    """
    rows = _read_rows(text)
    first = next(rows, None)
    if first is None:
        raise UserError(f"{path}: is empty, expected a line with {', '.join(COLUMNS)}")
    line, header = first
    problems = [header] if isinstance(header, str) else list(_header_problems(header))
    if isinstance(header, str) or problems:
        raise UserError("\n".join(f"{path}:{line}: {told}" for told in problems))
    for line, cells in rows:
        if isinstance(cells, str):
            yield BadRow(line, cells)
        elif len(cells) != len(header):
            told = f"{len(cells)} cells, expected {len(header)} as in the first line"
            yield BadRow(line, told)
        else:
            named = zip(header, (cell.strip() for cell in cells), strict=True)
            yield _read_row(line, dict(named))


def _read_rows(text: TextIO) -> Iterator[tuple[int, list[str] | str]]:
    """The rows that are not blank, or what is wrong with one, with the line that each begins in."""
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


def _header_problems(header: Sequence[str]) -> Iterator[str]:
    for name in header:
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            yield f"unknown column {name!r}{guess}; expected {', '.join(COLUMNS)}"
    for name in COLUMNS:
        if header.count(name) > 1:
            yield f"column {name} stands there {header.count(name)} times, expected once"
    for name in REQUIRED:
        if name not in header:
            yield f"no column {name}; expected at least {', '.join(REQUIRED)}"


def _read_row(line: int, cells: Mapping[str, str]) -> GazetteerRow | BadRow:
    aliases = [alias.strip() for alias in cells.get("aliases", "").split(SEPARATOR)]
    shared = frozenset(alias.removesuffix(SHARED) for alias in aliases if alias.endswith(SHARED))
    aliases = [alias.removesuffix(SHARED) for alias in aliases]
    names = tuple(filter(None, (cells["name_ar"], cells.get("name_en", ""), *aliases)))
    latitude = read_coordinate(cells["latitude"], "latitude", 90)
    longitude = read_coordinate(cells["longitude"], "longitude", 180)
    level = cells.get("level") or "town"
    country = cells.get("country", "").upper()
    problems = [
        f"no {column}; it must be given" for column in ("id", "name_ar") if not cells[column]
    ]
    problems += [
        f"{name!r} holds no letter, expected a name" for name in names if not name_key(name)
    ]
    problems += [told for told in (latitude, longitude) if isinstance(told, str)]
    if level not in LEVELS:
        problems.append(f"level is {level!r}, expected one of {', '.join(LEVELS)}")
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        problems.append(f"country is {country!r}, expected two letters such as SY (ISO 3166-1)")
    if problems or isinstance(latitude, str) or isinstance(longitude, str):
        who = cells["id"] or cells["name_ar"] or "a row"
        return BadRow(line, f"{who}: {'; '.join(problems)}")
    division = cells.get("division", "") or (cells["id"] if level == "division" else "")
    place = Place(
        cells["id"],
        cells["name_ar"],
        cast(Level, level),
        country,
        division,
        latitude,
        longitude,
    )
    return GazetteerRow(line, place, names, shared)

"""The plain gazetteer: a CSV file that researchers own, a row a place."""

from collections.abc import Iterator, Mapping
from typing import TextIO, cast

from inference.names.letters import name_key
from inference.owned_table import read_owned_table
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
    for line, cells in read_owned_table(path, text, COLUMNS, REQUIRED):
        yield BadRow(line, cells) if isinstance(cells, str) else _read_row(line, cells)


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

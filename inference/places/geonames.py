"""GeoNames' file format: no header, a place a line, 19 columns with tabs between them.

The columns are those of https://download.geonames.org/export/dump/readme.txt, and the feature codes
those of featureCodes_en.txt beside it.
"""

from collections.abc import Iterable, Iterator

import regex

from inference.names.letters import name_key
from inference.places.place import Level, Place
from inference.places.row import BadRow, GazetteerRow, read_coordinate

COLUMNS = 19
CITY_POPULATION = 50_000
"""Inhabitants from which a place is a city even where it is no seat of a government."""

_ID, _NAME, _ASCII, _ALTERNATES, _LATITUDE, _LONGITUDE, _CLASS, _CODE, _COUNTRY = range(9)
_DIVISION, _POPULATION = 10, 14
_ARABIC = regex.compile(r"\p{Arabic}")
_LEVELS: dict[str, Level] = {
    "H": "water",
    "L": "region",
    "P": "town",
    "R": "site",
    "S": "site",
    "T": "terrain",
    "U": "terrain",
    "V": "terrain",
}
_OFTEN_SHARED = ("town", "quarter")
_SEATS = ("PPLC", "PPLA", "PPLG")


def read_geonames(lines: Iterable[bytes]) -> Iterator[GazetteerRow | BadRow | None]:
    """The rows of a file; None for a place that has no name in Arabic script, so cannot be met.

    All rows are checked, those that cannot be met as well.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_row(number, line)


def _read_row(number: int, line: bytes) -> GazetteerRow | BadRow | None:
    try:
        cells = line.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        return BadRow(number, "not UTF-8, as GeoNames' files are")
    if len(cells) != COLUMNS:
        told = (
            f"{len(cells)} columns with tabs between them, expected {COLUMNS} as in GeoNames' files"
        )
        return BadRow(number, told)
    latitude = read_coordinate(cells[_LATITUDE], "latitude", 90)
    longitude = read_coordinate(cells[_LONGITUDE], "longitude", 180)
    problems = [told for told in (latitude, longitude) if isinstance(told, str)]
    problems += [
        f"no {what}" for at, what in ((_ID, "geonameid"), (_NAME, "name")) if not cells[at]
    ]
    if problems or isinstance(latitude, str) or isinstance(longitude, str):
        return BadRow(number, f"{cells[_ID] or cells[_NAME] or 'a row'}: {'; '.join(problems)}")
    if not _ARABIC.search(cells[_ALTERNATES]) and not _ARABIC.search(cells[_NAME]):
        return None
    arabic = [name for name in cells[_ALTERNATES].split(",") if _ARABIC.search(name)]
    names = dict.fromkeys(filter(name_key, [cells[_NAME], cells[_ASCII], *arabic]))
    population = int(cells[_POPULATION]) if cells[_POPULATION].isdecimal() else 0
    country = cells[_COUNTRY]
    place = Place(
        cells[_ID],
        cells[_NAME],
        level_of(cells[_CLASS], cells[_CODE], population),
        country,
        f"{country}.{cells[_DIVISION]}" if cells[_DIVISION] not in ("", "00") else "",
        latitude,
        longitude,
        population,
    )
    # Of the villages of one name, GeoNames has some with it in Arabic, and others without.
    shared = frozenset(names) if place.level in _OFTEN_SHARED else frozenset()
    return GazetteerRow(number, place, tuple(names), shared)


def level_of(feature_class: str, feature_code: str, population: int) -> Level:
    """What kind of place a feature is."""
    if feature_class == "A":
        if feature_code.startswith("PCL"):
            return "country"
        if feature_code == "ADM1":
            return "division"
        return "district" if feature_code.startswith("ADM") else "region"
    if feature_class == "P":
        if feature_code == "PPLX":
            return "quarter"
        if feature_code in _SEATS or population >= CITY_POPULATION:
            return "city"
    return _LEVELS.get(feature_class, "region")

"""All places that are known: one gazetteer, or several that complete each other."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from annotation.problems import Rejection
from inference.places.distance import kilometres
from inference.places.index import Named, PlaceIndex, open_index
from inference.places.place import Place

PLACES = "configs/places.csv"
"""The gazetteer that Rasd brings."""

_SAME_KILOMETRES = 20.0
"""Two gazetteers mean one place by one name where their points are not farther apart."""
_SETTLEMENTS = ("city", "town")


class Gazetteer:
    """Places of several files. A place that two of them have is the first one's."""

    def __init__(self, indexes: Sequence[PlaceIndex]) -> None:
        self._indexes = tuple(indexes)

    def lookup(self, name: str) -> list[Named]:
        """The places that are called `name` but for spelling."""
        found: list[Named] = []
        for index in self._indexes:
            others = index.lookup(name)
            found += (
                [one for one in others if not any(_are_one(one.place, had.place) for had in found)]
                if found
                else others
            )
        return found

    def country(self, code: str) -> Place | None:
        """The country with this ISO 3166-1 code."""
        found = (index.country(code) for index in self._indexes)
        return next((place for place in found if place is not None), None)

    def names(self) -> Iterator[str]:
        """Names as they are written alone, all or the most prominent."""
        for index in self._indexes:
            yield from index.names()

    def problems(self) -> Iterator[Rejection]:
        """The rows that were left out, by file and line."""
        for index in self._indexes:
            for bad in index.problems():
                yield Rejection(index.file, bad.line, None, "bad_place", bad.message)

    def close(self) -> None:
        """Let go of the files."""
        for index in self._indexes:
            index.close()


def load_gazetteer(paths: Sequence[str | Path] = (PLACES,), cache: Path | None = None) -> Gazetteer:
    """Open gazetteers, the most trusted first. Raises UserError as `open_index` does."""
    return Gazetteer([open_index(path, cache) for path in paths])


def _are_one(one: Place, other: Place) -> bool:
    if one.country != other.country:
        return False
    if one.level == other.level and one.level in ("country", "division"):
        return True
    alike = one.level == other.level or {one.level, other.level} <= set(_SETTLEMENTS)
    return alike and kilometres(one, other) <= _SAME_KILOMETRES

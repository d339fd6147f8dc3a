"""What the other places of a report tell about one that several places are called like."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from inference.places.distance import kilometres
from inference.places.mention import Nest
from inference.places.place import How, Place

LARGE_POPULATION = 500_000
"""Inhabitants of a city that is meant sooner than a village of its name."""
SUPPORT_KILOMETRES = 100.0
"""A name that many places have is believed where another place is no farther away."""
_NEAR_KILOMETRES = 300.0
_NEARER_TIMES = 3.0
_MAJORITY_TIMES = 2
_OF_WORLD = ("country", "division", "city", "water")
"""Levels of places of some size."""


class Evidence:
    """Places that a report names without doubt, and countries that it tells otherwise."""

    def __init__(self, places: Iterable[Place], countries: Collection[str] = ()) -> None:
        """`countries` are ISO 3166-1 codes, those of the parties that it names."""
        self.places = list(dict.fromkeys(places))
        self.countries = Counter(place.country for place in self.places if place.country)
        self.countries.update(countries)
        self.divisions = {place.division for place in self.places if place.division}

    def settle(self, nests: Sequence[Nest]) -> tuple[How, Nest] | None:
        """Which of several is meant, and how that is known."""
        rules: list[tuple[How, Callable[[Sequence[Nest]], Nest | None]]] = [
            ("within", self._within),
            ("prominent", _of_highest_rank),
            ("country", self._of_country),
            ("distance", self._nearest),
        ]
        for how, rule in rules:
            nest = rule(nests)
            if nest is not None:
                return how, nest
        return None

    def supports(self, place: Place) -> bool:
        """Whether the report is about places near to it, or about its country as a whole."""
        if place.division and place.division in self.divisions:
            return True
        if self.reaches(place, SUPPORT_KILOMETRES):
            return True
        in_it = [one for one in self._points() if one.country == place.country]
        return not in_it and place.country in self.countries

    def reaches(self, place: Place, limit: float) -> bool:
        """Whether another place than a country is no farther away."""
        return any(kilometres(place, other) <= limit for other in self._points())

    def _points(self) -> list[Place]:
        return [place for place in self.places if place.level != "country"]

    def _within(self, nests: Sequence[Nest]) -> Nest | None:
        return _only(nests, lambda place: place.division in self.divisions)

    def _of_country(self, nests: Sequence[Nest]) -> Nest | None:
        said = {
            at: max(self.countries[place.country] for place in nest)
            for at, nest in enumerate(nests)
        }
        first, *others = sorted(said, key=lambda at: -said[at])
        second = said[others[0]] if others else 0
        if said[first] and said[first] >= _MAJORITY_TIMES * second and said[first] > second:
            return nests[first]
        return None

    def _nearest(self, nests: Sequence[Nest]) -> Nest | None:
        points = self._points()
        if not points:
            return None
        away = [
            min(kilometres(place, other) for place in nest for other in points) for nest in nests
        ]
        nearest, second, *_ = sorted(away)
        # A place that is called so is the one of the report itself at no distance at all.
        if nearest > _NEAR_KILOMETRES or second < _NEARER_TIMES * max(
            nearest, _NEAR_KILOMETRES / 10
        ):
            return None
        return nests[away.index(nearest)]


def _only(nests: Sequence[Nest], holds: Callable[[Place], bool]) -> Nest | None:
    """The only nest with a place of which this holds."""
    found = [nest for nest in nests if any(holds(place) for place in nest)]
    return found[0] if len(found) == 1 else None


def _of_highest_rank(nests: Sequence[Nest]) -> Nest | None:
    """The only country, or city of some size, where none of the others is worth a mention."""
    if sum(any(place.level in _OF_WORLD for place in nest) for nest in nests) > 1:
        return None
    return _only(
        nests, lambda place: place.level == "country" or place.population >= LARGE_POPULATION
    )

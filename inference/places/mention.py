"""A LOCATION span of a report while its place is being found."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.places.distance import kilometres
from inference.places.kinds import Kind
from inference.places.place import How, Level, Place

Nest = list[Place]
"""Places of one name that lie within each other, the widest first: a division and its city."""
NEST_KILOMETRES = 30.0
"""Two places of one name and one country that are no farther apart are one within the other."""
_OFFICES: tuple[Level, ...] = ("division", "district")
_WIDEST: tuple[Level, ...] = ("country", "division", "district", "region")
_USUAL: tuple[Level, ...] = ("country", "city", "town", "quarter")


@dataclass(slots=True)
class PlaceMention:
    """What is known of one span. `nests` are the candidates that are left, those that lie within
    each other together."""

    start: int
    end: int
    name: str
    noun: Kind | None
    """The noun before it, or before the list that it stands in."""
    relation: tuple[str, ...] = ()
    is_listed: bool = False
    """Whether it is listed behind the span before it, with و or a comma."""
    holds_previous: bool = False
    """Whether the text says that the span before it lies in it."""
    candidates: tuple[Place, ...] = ()
    """All places that are called so, whatever is ruled out later."""
    nests: list[Nest] = field(default_factory=list)
    exact: bool = False
    is_site: bool = False
    is_shared: bool = False
    """Whether the gazetteer says that others are called so as well."""
    is_called_small: bool = False
    """Whether the noun before it is of villages, so that a large city's name may be another's."""
    needs_evidence: bool = False
    """Whether it is a site of a kind that is often called after places far away."""
    how: How | None = None
    """What settled it, as long as its own name did not."""
    place: Place | None = None
    reason: str | None = None

    @property
    def evidence(self) -> Place | None:
        """What it tells of the other places of the report."""
        return self.nests[0][0] if self.is_open and len(self.nests) == 1 else None

    @property
    def is_open(self) -> bool:
        """Whether a place can still be given."""
        return bool(self.nests) and self.reason is None

    def refuse(self, how: How, reason: str) -> None:
        """Give no place, and say why."""
        self.how, self.place, self.reason = how, None, reason


def nests_of(places: Iterable[Place]) -> list[Nest]:
    """Places of one name, those together that lie within each other, widest first."""
    nests: list[Nest] = []
    order = {level: at for at, level in enumerate(_WIDEST)}
    for place in sorted(places, key=lambda one: order.get(one.level, len(order))):
        for nest in nests:
            if any(_holds(other, place) for other in nest):
                nest.append(place)
                break
        else:
            nests.append([place])
    return nests


def _holds(wider: Place, place: Place) -> bool:
    if not place.country or wider.country != place.country:
        return False
    if wider.level == "country":
        return True
    if wider.level in _OFFICES and place.division and wider.division == place.division:
        return True
    # A capital may be a division of its own beside the one of its name: صنعاء.
    return kilometres(wider, place) <= NEST_KILOMETRES


def widest(nest: Nest) -> Place:
    """The one that holds the others."""
    return _first_of(nest, _WIDEST)


def usual(nest: Nest) -> Place:
    """The one that is meant where nothing is said: a country, or else a settlement."""
    return _first_of(nest, _USUAL)


def _first_of(nest: Nest, levels: tuple[Level, ...]) -> Place:
    for level in levels:
        for place in nest:
            if place.level == level:
                return place
    return nest[0]

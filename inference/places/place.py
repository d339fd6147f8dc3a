"""The types of a place in a gazetteer, and of what a span was matched with."""

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal[
    "country",
    "division",
    "district",
    "city",
    "town",
    "quarter",
    "site",
    "terrain",
    "water",
    "region",
]
"""What kind of place it is. `division` is of the first level below the country (governorate,
province, state), `district` of any level below; `city` is a capital or a large or well-known city,
`town` every smaller one and every village; `site` is what people have built for a purpose (camp,
prison, base, crossing, field), `region` an area without an office (الجولان)."""
LEVELS: tuple[Level, ...] = get_args(Level)

How = Literal[
    "exact",
    "normalised",
    "site",
    "kind",
    "relation",
    "chain",
    "company",
    "nested",
    "within",
    "country",
    "prominent",
    "distance",
    "ambiguous",
    "unsupported",
    "road",
    "unnamed",
    "unknown",
]
"""How a place was found. One place of the gazetteer alone is called so:

- `exact`: as the gazetteer writes it;
- `normalised`: but for hamza, ya, ta marbuta, tatweel, diacritics, articles and blanks;
- `site`: it is not in the gazetteer, but called after the place where it lies (مطار القامشلي).

Several are, the `candidates`, and it is one of them:

- `kind`: the noun before the name says which (محافظة, مدينة, حي);
- `relation`: of a division and its city, the one that has a countryside, a desert, a north;
- `chain`: what the text says it lies in, or lies in it, tells (الطيبة بريف درعا);
- `company`: of a division and its city, the one of the kind that it is listed with;
- `nested`: nothing tells, and they lie within each other: the country before its capital, the city
  before its division;
- `within`: the only one in a division that the report names another place of;
- `country`: the only one in the countries that the report names, or names most;
- `prominent`: the only country, or city of half a million, where the others are small;
- `distance`: the only one near to other places of the report.

Or no place is given, and `reason` says why:

- `ambiguous`: several are called so, and nothing tells which;
- `unsupported`: others are called so that the gazetteer may not have, and the report is about
  nothing else near this one; or the text puts it elsewhere;
- `road`: a road has no one point;
- `unnamed`: a direction or a countryside without a name;
- `unknown`: none is called so.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a gazetteer."""

    id: str
    name: str
    level: Level
    country: str
    """ISO 3166-1 alpha-2; empty for what lies in several countries, or in none."""
    division: str
    """The code of the first-level division that it is, or lies in; empty where there is none."""
    latitude: float
    longitude: float
    """Both in degrees (WGS 84), north and east positive."""
    population: int = 0
    """0 where it is not known."""


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """What a span was matched with: one `place`, several `candidates`, or nothing."""

    how: How
    place: Place | None = None
    relation: str | None = None
    """How the span relates to the place (`countryside east`, `around`); None where it is it."""
    candidates: tuple[Place, ...] = ()
    reason: str | None = None
    """Why no place is given."""

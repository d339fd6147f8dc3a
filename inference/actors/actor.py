"""The types of a party in the table, and of what a name was matched with."""

from dataclasses import dataclass
from typing import Literal

How = Literal[
    "exact",
    "normalised",
    "head",
    "fuzzy",
    "date",
    "report",
    "company",
    "ambiguous",
    "unknown",
]
"""How a name was matched:

- `exact`: as the table writes it;
- `normalised`: but for hamza, ya, ta marbuta, tatweel, diacritics, articles, quotation marks
  and blanks;
- `head`: but for the head noun (`ميليشيا لواء القدس`, `السلطان مراد`);
- `fuzzy`: but for a slip of the pen; `similarity` says how near.

Several parties are called so, the `candidates`, and it is one of them:

- `date`: the only one that was there on the report's date;
- `report`: the only one that the report names in full elsewhere;
- `company`: the only one that belongs with others that the report names, by the beginning of
  their ids.

Or it is none:

- `ambiguous`: several parties are called so, or one and others that are not in the table;
- `unknown`: no party is.
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """A row of the table. Dates are ISO 8601 of any precision (`2014`, `2014-06`), or empty."""

    id: str
    name_ar: str
    name_en: str
    kind: str
    aliases: tuple[str, ...] = ()
    """Names that are this party's alone."""
    shared_aliases: tuple[str, ...] = ()
    """Names that others go by as well; the table writes them with a question mark behind."""
    valid_from: str = ""
    valid_to: str = ""

    def is_valid(self, date: str) -> bool:
        """Whether the party was there on `date` (ISO 8601), as far as the table knows."""
        begun = not self.valid_from or date[: len(self.valid_from)] >= self.valid_from
        return begun and (not self.valid_to or date[: len(self.valid_to)] <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Match:
    """What a name was matched with: one `actor`, several `candidates`, or nothing."""

    how: How
    actor: Actor | None = None
    candidates: tuple[Actor, ...] = ()
    similarity: float | None = None
    """From 0 to 100, for `fuzzy`."""

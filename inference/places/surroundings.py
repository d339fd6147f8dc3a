"""What stands before a place's name: the noun of its kind, and what relates to it."""

from typing import NamedTuple, TypeVar

import regex

from inference.names.letters import folded
from inference.places.directions import SURROUNDINGS
from inference.places.kinds import KINDS, Kind

Known = TypeVar("Known")

_LOOKED_AT = 48
"""Characters before a span: four words."""
_WORDS = regex.compile(r"[\p{L}\p{M}]+")
_CLITICS = "وفبلك"
_NEAR_FROM = frozenset(map(folded, ("القرب", "قريب", "قريبا", "قريبة", "مقربة")))
"""Before من: بالقرب من الرقة."""
_ENDS = regex.compile(r"[\n.؟!،,:؛)(]")


class Before(NamedTuple):
    """What stands before a name."""

    kind: Kind | None
    relation: str | None
    """One of `SURROUNDINGS`."""


NOTHING = Before(None, None)


def read_before(text: str, start: int) -> Before:
    """What stands right before `start`, in the same clause."""
    before = _ENDS.split(text[max(0, start - _LOOKED_AT) : start])[-1]
    words = [folded(word) for word in _WORDS.findall(before)]
    if not words:
        return NOTHING
    kind = _known(words[-1], KINDS)
    if kind is not None:
        words.pop()
    return Before(kind, _relation(words))


def _relation(words: list[str]) -> str | None:
    if not words:
        return None
    if words[-1] == "من" and len(words) > 1:
        near = words[-2].removeprefix("و").removeprefix("ب") in _NEAR_FROM
        return "near" if near else None
    return _known(words[-1], SURROUNDINGS)


def _known(word: str, table: dict[str, Known]) -> Known | None:
    """What a table has of a word, or of what is left without its proclitics."""
    for _ in range(3):
        if word in table:
            return table[word]
        if len(word) < 3 or word[0] not in _CLITICS:
            return None
        word = word[1:]
    return None

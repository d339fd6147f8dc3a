"""A span's text, and the ways in which its first word can be read."""

from functools import cached_property
from typing import NamedTuple

import regex

from inference.names.letters import folded, name_key
from inference.names.proclitics import PREFIXES, detach, is_set_off, letters_of

SHORTEST_KNOWN = 2
"""Letters of the shortest name that is believed when it is known: تل, آل, قم."""
SHORTEST = 3
"""Letters of the shortest name that is believed on other evidence."""

_FIRST_WORD = regex.compile(r"[^\s_\-–—/]+")
_BY_LENGTH = sorted(PREFIXES, key=len)


class Reading(NamedTuple):
    """One way to read a first word."""

    prefix: str
    word: str
    """Without the prefix, folded."""
    swallowed: bool = False
    """Whether the word's alif is not written, as in للرقة."""


class Mention:
    """The text that a span covers."""

    def __init__(self, covered: str) -> None:
        self.covered = covered
        self.raw = first_word(covered) or covered
        """The first word as it is written."""
        self.places = [at for at in letters_of(self.raw) if self.raw[at].isalnum()]
        """Where its letters stand."""
        self.word = folded("".join([self.raw[at] for at in self.places])) or covered
        self.rest = covered[len(self.raw) :]
        self.whole = Reading("", self.word)

    @cached_property
    def key(self) -> str:
        """The key of the whole name as it stands."""
        return name_key(self.covered)

    def key_as(self, reading: Reading) -> str:
        """The key of the name that `reading` leaves."""
        return name_key(reading.word + self.rest)

    @property
    def is_one_word(self) -> bool:
        """Whether nothing stands behind the first word."""
        return not self.rest.strip()

    @cached_property
    def second_word(self) -> str:
        """Folded; empty where there is none."""
        return folded(first_word(self.rest.lstrip()))

    @cached_property
    def readings(self) -> list[Reading]:
        """Those with a proclitic, fewest letters first."""
        found = []
        for prefix in _BY_LENGTH:
            rest = self.word[len(prefix) :]
            for word in detach(self.word, prefix, shortest=SHORTEST_KNOWN):
                found.append(Reading(prefix, word, word != rest))
        return found

    def reading(self, prefix: str) -> Reading | None:
        """The plain reading with `prefix`, if the word leaves enough."""
        plain = [one for one in self.readings if one.prefix == prefix and not one.swallowed]
        # A hamza is written where a word begins, seldom inside one: وإن is two words.
        shortest = SHORTEST_KNOWN if self.raw[1:2] in ("أ", "إ", "آ") else SHORTEST
        return plain[0] if plain and len(plain[0].word) >= shortest else None

    @property
    def set_off(self) -> Reading | None:
        """The reading where tatweel or another script parts the proclitics from the name."""
        for count in (1, 2):
            if len(self.places) <= count or self.word[:count] not in PREFIXES:
                continue
            behind = self.raw[self.places[count]]
            if is_set_off(self.raw, self.places, count) or not _is_arabic(behind):
                return Reading(self.word[:count], self.word[count:])
        return None


def first_word(name: str) -> str:
    """What a name has before its first blank, underscore or dash; empty where it has nothing."""
    found = _FIRST_WORD.match(name)
    return str(found.group()) if found else ""


def _is_arabic(character: str) -> bool:
    return "\u0600" <= character <= "\u06ff" or character >= "\ufb50"

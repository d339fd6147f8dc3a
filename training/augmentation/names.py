"""Persons' names of our own writing, put together from first and family names."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from numpy.random import Generator

from annotation.bundled import HOME

FIRST_NAMES = HOME / "training" / "augmentation" / "first-names.txt"
FAMILY_NAMES = HOME / "training" / "augmentation" / "family-names.txt"


@dataclass(frozen=True)
class Names:
    """First names and family names, as they are written without proclitics."""

    first: Sequence[str]
    family: Sequence[str]

    def begins_with_a_person(self, name: str) -> bool:
        """Whether a name of several words begins with a first name."""
        words = name.split()
        return len(words) > 1 and words[0] in self._firsts

    @cached_property
    def _firsts(self) -> frozenset[str]:
        return frozenset(self.first)

    def person(self, words: int, random: Generator) -> str:
        """A name of about `words` words: a first name, the father's, a family name."""
        firsts = random.choice(self.first, max(words - 1, 1), replace=False)
        return " ".join([*firsts, random.choice(self.family)])


@cache
def our_names() -> Names:
    """The lists beside this file."""
    first, family = (
        tuple(file.read_text("utf-8").split("\n")[:-1]) for file in (FIRST_NAMES, FAMILY_NAMES)
    )
    return Names(first, family)

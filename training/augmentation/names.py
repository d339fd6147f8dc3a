"""Names of our own writing: of persons, put together from two lists, of places and of parties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from numpy.random import Generator

from annotation.bundled import HOME
from inference.actors.table import load_actors

FIRST_NAMES = HOME / "training" / "augmentation" / "first-names.txt"
FAMILY_NAMES = HOME / "training" / "augmentation" / "family-names.txt"
PLACES = HOME / "training" / "augmentation" / "places.txt"


@dataclass(frozen=True)
class Names:
    """Names as they are written without proclitics; places and parties by label."""

    first: Sequence[str]
    family: Sequence[str]
    by_label: Mapping[str, Sequence[str]] = field(default_factory=dict)

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
    """The lists beside this file, and the parties that Rasd knows."""
    first, family, places = (
        tuple(file.read_text("utf-8").split("\n")[:-1])
        for file in (FIRST_NAMES, FAMILY_NAMES, PLACES)
    )
    parties = {name for actor in load_actors() for name in (actor.name_ar, *actor.aliases)}
    return Names(first, family, {"LOCATION": places, "ACTOR": tuple(sorted(parties))})

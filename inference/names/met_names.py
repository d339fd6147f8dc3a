"""Names that were met without a proclitic, in a report or a run, and what they tell of others."""

from collections import Counter

from inference.names.letters import folded, name_key
from inference.names.mention import SHORTEST, Mention, Reading, first_word

SHORTEST_IN_RUN = 4
"""Letters of the shortest name that a whole run is evidence for: there every short word is one."""


class MetNames:
    """First words of names, with how often each was met, and names of several words."""

    def __init__(self, shortest: int = SHORTEST) -> None:
        self._shortest = shortest
        self._words: Counter[str] = Counter()
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """Take in a name that is bare without doubt."""
        word = first_word(name)
        if word:
            self._words[folded(word)] += 1
            if len(word) < len(name):
                self._names.add(name_key(name))

    def update(self, others: "MetNames") -> None:
        """Take in all that others have."""
        self._words.update(others._words)
        self._names |= others._names

    def read(self, mention: Mention) -> Reading | None:
        """What the names tell: whole ones before first words, the word as it is before less."""
        if not mention.is_one_word:
            for reading in (mention.whole, *mention.readings):
                if mention.key_as(reading) in self._names:
                    return reading
        readings = [one for one in mention.readings if len(one.word) >= self._shortest]
        best = max(readings, key=lambda one: self._words[one.word], default=mention.whole)
        as_it_is = self._words[mention.word]
        if self._words[best.word] > as_it_is:
            return best
        return mention.whole if as_it_is else None

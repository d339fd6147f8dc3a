"""Finds those of many names that another name is a slip of the pen away from."""

from collections.abc import Container

from rapidfuzz import fuzz, process

from inference.actors.similarity import SHORTEST, THRESHOLD, is_slip

_BLOCK = 3
"""Names are compared that share as many letters at the beginning or at the end: one slip leaves
one of the two alone."""
_LOOKED_AT = 5


class NearNames:
    """Names as their words, folded and without articles; it only grows."""

    def __init__(self) -> None:
        self._words: dict[str, tuple[str, ...]] = {}
        self._blocks: dict[tuple[bool, str], list[str]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._words

    def add(self, words: tuple[str, ...]) -> None:
        """Take a name in. Its key is its words without blanks."""
        key = "".join(words)
        if key not in self._words:
            self._words[key] = words
            if len(key) >= SHORTEST:
                for block in _blocks_of(key):
                    self._blocks.setdefault(block, []).append(key)

    def slips(self, words: tuple[str, ...], common: Container[str]) -> list[tuple[str, float]]:
        """The keys of the names that `words` is a slip away from, the most similar first.

        With each its similarity, from 0 to 100. `common` are words that are no slips of others.
        """
        key = "".join(words)
        if len(key) < SHORTEST:
            return []
        begins, ends = (self._blocks.get(block, []) for block in _blocks_of(key))
        if not begins and not ends:
            return []
        found = process.extract(
            key,
            list(dict.fromkeys(begins + ends)),
            scorer=fuzz.ratio,
            score_cutoff=THRESHOLD,
            limit=_LOOKED_AT,
        )
        return [
            (other, score)
            for other, score, _ in found
            if is_slip(words, self._words[other], common)
        ]


def _blocks_of(key: str) -> tuple[tuple[bool, str], tuple[bool, str]]:
    return (True, key[:_BLOCK]), (False, key[-_BLOCK:])

"""Proclitics of a name's first word: taken off where other names show them, and put on again."""

from collections.abc import Iterable
from typing import NamedTuple

LETTERS = frozenset("وفبلك")
PREFIXES = [
    both + single for both in ("و", "ف", "") for single in ("ب", "ل", "ك", "") if both + single
]
ARTICLE = "ال"


class CliticWord(NamedTuple):
    """A word and what is glued before it: `بالرقة` is `ب` and `الرقة`."""

    clitics: str
    word: str


class CliticReader:
    """Knows from the words that names begin with which of them carry a proclitic."""

    def __init__(self, first_words: Iterable[str], bare: Iterable[str] = ()) -> None:
        """`first_words` come with proclitics and without, `bare` ones surely without."""
        self._bare = frozenset(bare)
        self._known = self._bare.union(first_words)

    def read(self, word: str) -> CliticWord | None:
        """The word without its proclitics; None where nothing tells whether it carries one."""
        for prefix in PREFIXES:
            for rest in _without(word, prefix):
                if rest in self._known:
                    return CliticWord(prefix, rest)
        bare = word[0] not in LETTERS or word in self._bare
        if bare or any(attach(prefix, word) in self._known for prefix in PREFIXES):
            return CliticWord("", word)
        return None


def attach(clitics: str, word: str) -> str:
    """
    >>> attach("ول", "الرقة"), attach("ب", "حلب")
    ('وللرقة', 'بحلب')
    """
    if clitics.endswith("ل") and word.startswith(ARTICLE):
        return clitics + "ل" + word[len(ARTICLE) :]
    return clitics + word


def _without(word: str, prefix: str) -> list[str]:
    if not word.startswith(prefix) or len(word) - len(prefix) < 3:
        return []
    rest = word[len(prefix) :]
    # للرقة is ل and الرقة, or else ل and a word that begins with ل.
    return [ARTICLE + rest[1:], rest] if prefix.endswith("ل") and rest[0] == "ل" else [rest]

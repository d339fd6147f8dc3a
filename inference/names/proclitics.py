"""Proclitics: the little words و ف ب ل ك that are written as one with the word behind them."""

from typing import NamedTuple

from inference.names.letters import ARTICLE, TATWEEL, is_mark

LETTERS = frozenset("وفبلك")
PREFIXES = [
    both + single for both in ("و", "ف", "") for single in ("ب", "ل", "ك", "") if both + single
]
"""All that can stand before a name, longer ones of a kind first."""


class CliticWord(NamedTuple):
    """A word and what is glued before it: `بالرقة` is `ب` and `الرقة`."""

    clitics: str
    word: str


def attach(clitics: str, word: str) -> str:
    """The word with the proclitics before it, as it is written.

    >>> attach("ول", "الرقة"), attach("ب", "حلب"), attach("ل", "اللجنة")
    ('وللرقة', 'بحلب', 'للجنة')
    """
    if clitics.endswith("ل") and word.startswith(ARTICLE):
        rest = word[len(ARTICLE) :]
        return clitics + rest if rest.startswith("ل") else clitics + "ل" + rest
    return clitics + word


def detach(word: str, prefix: str, *, shortest: int = 3) -> list[str]:
    """What `word` may be without `prefix`, likelier first; nothing where it has no such prefix.

    >>> detach("بالرقة", "ب"), detach("للجنة", "ل")
    (['الرقة'], ['الجنة', 'لجنة', 'اللجنة'])
    """
    if not word.startswith(prefix) or len(word) - len(prefix) < shortest:
        return []
    rest = word[len(prefix) :]
    if not (prefix.endswith("ل") and rest[0] == "ل"):
        return [rest]
    # للرقة is ل and الرقة, or else ل and a word that begins with ل, bare or behind its article.
    return [ARTICLE + rest[1:], rest, ARTICLE + rest]


def letters_of(word: str) -> list[int]:
    """Where the letters of `word` stand, marks and tatweel passed over."""
    return [at for at, character in enumerate(word) if not is_mark(character)]


def is_set_off(word: str, places: list[int], count: int) -> bool:
    """Whether tatweel sets the first `count` letters off from the rest: `بـالرقة`."""
    return TATWEEL in word[places[count - 1] : places[count]]

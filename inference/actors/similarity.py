"""Whether two names that differ in a few letters are one name with a slip of the pen."""

from collections.abc import Container, Sequence

from rapidfuzz import fuzz

THRESHOLD = 90.0
"""The least similarity of two whole names: 100 less the share of letters put in and taken out
(rapidfuzz.fuzz.ratio). It forgives a long vowel sooner than another root letter, as readers do."""
WORD_THRESHOLD = 82.0
"""The same for each word that differs: another letter in a word of five is another word."""
ADJECTIVE_THRESHOLD = 90.0
"""The same for adjectives in ي and ية, of which many are alike: سورية and سويسرية."""
SHORTEST = 6
"""Letters of the shortest name that is compared so."""
SHORTEST_WORD = 4
"""Letters of the shortest word that may differ."""
REGROUPED_THRESHOLD = 96.0
"""The least similarity of names of unlike numbers of words: a blank lost or put in, a particle."""

_ADJECTIVE = ("ي", "يه")


def is_slip(words: Sequence[str], others: Sequence[str], common: Container[str]) -> bool:
    """Whether `words` and `others`, which are as similar as `THRESHOLD` asks, are one name.

    Two words that both stand in `common` are two words and no slip: السورية and الروسية, الرابعة
    and السابعة. Numbers never differ by a slip.
    """
    if len(words) != len(others):
        if _numbers(words) != _numbers(others):
            return False
        return fuzz.ratio("".join(words), "".join(others)) >= REGROUPED_THRESHOLD
    return all(
        word == other or _is_slip_of_word(word, other, common)
        for word, other in zip(words, others, strict=True)
    )


def _is_slip_of_word(word: str, other: str, common: Container[str]) -> bool:
    if min(len(word), len(other)) < SHORTEST_WORD or word.isdecimal() or other.isdecimal():
        return False
    if word in common and other in common:
        return False
    if word.startswith(other) or other.startswith(word):
        # A word that goes on is another form, or another name: طالبان and طالباني.
        return False
    both = word.endswith(_ADJECTIVE) and other.endswith(_ADJECTIVE)
    return fuzz.ratio(word, other) >= (ADJECTIVE_THRESHOLD if both else WORD_THRESHOLD)


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.isdecimal()]

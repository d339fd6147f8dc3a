"""One spelling for the many that a word is found in."""

from functools import lru_cache

MARKS = "".join(map(chr, (*range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06EE), 0x0640)))
"""Vowel signs, other marks above and below letters, and tatweel."""
_UNSEEN = "".join(
    map(
        chr,
        (0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF),
    )
)
_BARE = str.maketrans("", "", MARKS + _UNSEEN)
_FOLDED = str.maketrans("أإآٱىةئؤیکہ", "ااااي" + "هيويكه", MARKS + _UNSEEN)

FATHA, DAMMA, KASRA = "\u064e", "\u064f", "\u0650"
SHADDA, TANWIN = "\u0651", "\u064b"


def bare(word: str) -> str:
    """`word` without marks and tatweel, hamza and ta marbuta as they were."""
    return word.translate(_BARE)


@lru_cache(maxsize=131072)
def fold(word: str) -> str:
    """`word` as a table looks it up: no marks, one alif, one ya, ه for ة.

    >>> fold("إحدى"), fold("مئةٍ"), fold("آلاف")
    ('احدي', 'ميه', 'الاف')
    """
    return word.translate(_FOLDED)


def words_of(text: str) -> frozenset[str]:
    """The words of `text`, folded: how this package writes its sets of words."""
    return frozenset(map(fold, text.split()))

"""Names as they are compared: without what writers leave out or write one way and another.

Only for comparing. What is shown is always the raw text, or a slice of it.
"""

import unicodedata
from functools import lru_cache

import regex

ARTICLE = "ال"

_MARKS = [
    *range(0x0300, 0x0370),
    *range(0x0610, 0x061B),
    *range(0x064B, 0x0660),
    0x0670,
    *range(0x06D6, 0x06EE),
    *range(0x08D3, 0x0900),
]
_INVISIBLE = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0xAD]
TATWEEL = "ـ"
_LETTERS = {
    **dict.fromkeys(map(ord, "أإآٱ"), "ا"),
    **dict.fromkeys(map(ord, "ىئی"), "ي"),
    **dict.fromkeys(map(ord, "ةۀە"), "ه"),
    ord("ؤ"): "و",
    ord("ء"): None,
    **dict.fromkeys(map(ord, "کگ"), "ك"),
    ord("ڤ"): "ف",
    ord("پ"): "ب",
    ord("چ"): "ج",
    ord("ژ"): "ز",
}
_DIGITS = {start + digit: str(digit) for start in (0x0660, 0x06F0) for digit in range(10)}
_FOLDING: dict[int, str | None] = {
    **dict.fromkeys(_MARKS),
    **dict.fromkeys(_INVISIBLE),
    **_LETTERS,
    **_DIGITS,
    ord(TATWEEL): None,
}
_SHAPED = regex.compile(r"[\uFB50-\uFDFF\uFE70-\uFEFC]")
# Dots, stars and tatweel between two letters of a word break it up for a filter: داعـ.ـش
_BREAKERS = regex.compile(r"(?<=[\p{L}\p{M}])[.*ـ]+(?=\p{L})")
_WORD = regex.compile(r"[\p{L}\p{N}]+")
_SHORTEST_BEHIND_ARTICLE = 3
"""Letters that a word has at least behind its beginning ال for that to be the article: not الله."""
_SHORTEST_ALONE_BEHIND_ARTICLE = 4
"""The same for a name of one word, which the article often tells from another: الفتح and فتح."""
_REMEMBERED = 1 << 16
"""Names whose words are kept: a report repeats its names, and so does a run."""
_SPELLINGS = {
    "اميركا": "امريكا",
    "اميركي": "امريكي",
    "اميركيه": "امريكيه",
    "ديموقراطي": "ديمقراطي",
    "ديموقراطيه": "ديمقراطيه",
}
"""Words of names that are spelt in two ways, folded and without article."""


def is_mark(character: str) -> bool:
    """Whether folding takes the character out of a word."""
    return _FOLDING.get(ord(character), "") is None and character != "ء"


def folded(text: str) -> str:
    """`text` with one letter for all that writers interchange, and without marks and tatweel.

    >>> folded("إِدلـب"), folded("الرقّة"), folded("مصطفى ٢٥")
    ('ادلب', 'الرقه', 'مصطفي 25')
    """
    if _SHAPED.search(text):
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_FOLDING).casefold()


@lru_cache(_REMEMBERED)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, folded, each without its article, quotation marks and the like gone.

    >>> name_words('تنظيم "الدولة الإسلامية"')
    ('تنظيم', 'دوله', 'اسلاميه')
    >>> name_words("داعـ.ـش")
    ('داعش',)
    """
    if "." in name or "*" in name:
        name = _BREAKERS.sub("", name)
    words = _WORD.findall(folded(name))
    shortest = _SHORTEST_ALONE_BEHIND_ARTICLE if len(words) == 1 else _SHORTEST_BEHIND_ARTICLE
    longest_kept = len(ARTICLE) + shortest - 1
    bare = []
    for word in words:
        if len(word) > longest_kept and word.startswith(ARTICLE):
            word = word[len(ARTICLE) :]
        bare.append(_SPELLINGS.get(word, word))
    return tuple(bare)


def name_key(name: str) -> str:
    """What two spellings of one name share: its words, with no blanks between them.

    >>> name_key("عبد الله") == name_key("عبدالله")
    True
    """
    return "".join(name_words(name))

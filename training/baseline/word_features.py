"""What the CRF is told of each word: strings such as `suf2=ين`, each there or not there.

A word is compared as `inference.names.letters` folds it. Its proclitics cannot be told from its
first letters by spelling alone (وليد is a name, وحلب is و and حلب), so every form that it may be
without them is named: all spellings of a name, `الرقة`, `والرقة`, `للرقة`, share one at least.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from annotation.words import Word
from inference.names.letters import ARTICLE, TATWEEL, folded, is_mark
from inference.names.proclitics import PREFIXES, detach

_LONGEST_AFFIX = 4
_SHORTEST_BEHIND_ARTICLE = 3
_LONGEST_COUNTED = 7
"""Longer words are of one length, as are numbers of more digits."""
_GAP_CHARACTERS = 2
_REMEMBERED = 1 << 17
_EDGE = "edge"
"""Stands for what is before a report's first word and behind its last."""
_ARTICLES = sorted(
    [*(prefix + ARTICLE for prefix in PREFIXES if not prefix.endswith("ل")), ARTICLE]
    + [prefix + "ل" for prefix in PREFIXES if prefix.endswith("ل")],
    key=lambda article: -len(article),
)
"""The article with all that can stand before it, as it is written: ال, وال, بال, لل, …"""


class _Attributes(NamedTuple):
    """Of one word, whatever stands around it."""

    own: tuple[str, ...]
    beside: tuple[str, ...]
    """Told to the words right before and behind it."""
    near: tuple[str, ...]
    """Told to the words two away."""


def report_features(text: str, words: Sequence[Word]) -> list[list[str]]:
    """The features of each word of a text: its own, its neighbours', what stands between them."""
    forms = [text[start:end] for start, end in words]
    attributes = [_word_attributes(form) for form in forms]
    gaps = _gaps(text, words)
    rows = []
    for i, one in enumerate(attributes):
        row = ["bias", *one.own, f"gap-1={gaps[i]}", f"gap+1={gaps[i + 1]}"]
        for offset in (-2, -1, 1, 2):
            if 0 <= i + offset < len(attributes):
                other = attributes[i + offset]
                row += _at(offset, other.near if abs(offset) == 2 else other.beside)
            else:
                row.append(f"{offset:+}:{_EDGE}")
        word = folded(forms[i])
        if i > 0:
            row.append(f"pair-1={folded(forms[i - 1])} {word}")
        if i + 1 < len(forms):
            row.append(f"pair+1={word} {folded(forms[i + 1])}")
        rows.append(row)
    return rows


def bare_forms(plain: str) -> list[str]:
    """A folded word and what it may be without proclitics, each without article.

    >>> bare_forms("والرقه"), bare_forms("وليد")
    (['والرقه', 'رقه'], ['وليد', 'ليد'])
    """
    forms = [plain, *(rest for prefix in PREFIXES for rest in detach(plain, prefix))]
    return list(dict.fromkeys(map(_without_article, forms)))


def word_shape(word: str) -> str:
    """The kinds of its characters, of several alike one: `ع` Arabic, `A` `a` other letters, `_`.

    Digits are counted, as what a number counts or dates shows in how many it has.

    >>> word_shape("الرقة"), word_shape("T72"), word_shape("٢٠٢٤"), word_shape("سهل_نينوى")
    ('ع', 'A00', '٠٠٠٠', 'ع_ع')
    """
    shape = []
    for kind, run in groupby(map(_kind, filter(_is_letter_or_digit, word))):
        count = min(len(list(run)), _LONGEST_COUNTED)
        shape.append(kind * count if kind in "0٠" else kind)
    return "".join(shape)


@lru_cache(_REMEMBERED)
def _word_attributes(word: str) -> _Attributes:
    plain = folded(word)
    shape = f"shape={word_shape(word)}"
    article = next((one for one in _ARTICLES if plain.startswith(one)), "")
    forms = [f"form={form}" for form in bare_forms(plain)]
    affixes = [
        f"{name}{length}={affix}"
        for length in range(1, _LONGEST_AFFIX + 1)
        if len(plain) > length
        for name, affix in (("pre", plain[:length]), ("suf", plain[-length:]))
    ]
    word_itself, behind = f"word={plain}", f"article={article}"
    length = f"length={min(len(plain), _LONGEST_COUNTED)}"
    return _Attributes(
        (word_itself, shape, behind, length, *forms, *affixes),
        (word_itself, shape, behind, *forms, f"suf2={plain[-2:]}"),
        (word_itself, shape, *forms),
    )


@lru_cache(_REMEMBERED)
def _at(offset: int, attributes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{offset:+}:{attribute}" for attribute in attributes)


def _gaps(text: str, words: Sequence[Word]) -> list[str]:
    """[words + 1]: what stands before the first word, between words, and behind the last.

    A line break is more than any other character, a blank is less; of the others the first few.
    """
    borders = [0, *(at for word in words for at in word), len(text)]
    return [_gap(text[borders[i] : borders[i + 1]]) for i in range(0, len(borders), 2)]


def _gap(between: str) -> str:
    if "\n" in between:
        return "line"
    shown = "".join(between.split())[:_GAP_CHARACTERS]
    return shown or ("blank" if between else "nothing")


def _without_article(word: str) -> str:
    long_enough = len(word) >= len(ARTICLE) + _SHORTEST_BEHIND_ARTICLE
    return word.removeprefix(ARTICLE) if long_enough else word


def _is_letter_or_digit(character: str) -> bool:
    return character != TATWEEL and not is_mark(character)


def _kind(character: str) -> str:
    if character.isdecimal():
        return "0" if character.isascii() else "٠"
    if character == "_":
        return character
    if "\u0600" <= character <= "\u06ff" or character >= "\ufb50":
        return "ع"
    return "A" if character.isupper() else "a"

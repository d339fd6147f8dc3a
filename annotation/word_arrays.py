"""The word rule over many texts at once, in arrays, for models that read millions of words.

`annotation.words` is the rule; a character's kind is asked of its very patterns, once a character.
"""

from collections.abc import Sequence

import numpy as np
import regex
from numpy.typing import NDArray

from annotation.words import ARABIC_LETTER, FOREIGN_LETTER, RUN_CHARACTER

IntArray = NDArray[np.int64]

_RUN, _ARABIC, _FOREIGN, _MARK, _TATWEEL, _UNKNOWN = (1 << bit for bit in range(6))
_PATTERNS = {
    _RUN: regex.compile(RUN_CHARACTER),
    _ARABIC: regex.compile(rf"(?V1){ARABIC_LETTER}"),
    _FOREIGN: regex.compile(rf"(?V1){FOREIGN_LETTER}"),
    _MARK: regex.compile(r"\p{M}"),
    _TATWEEL: regex.compile("ـ"),
}
# The kinds of each code point, filled in as they are met: few texts hold more than some hundreds.
_KINDS = np.full(0x110000, _UNKNOWN, np.uint8)


def find_words_of(texts: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Offsets [words, 2] of the words of all texts, each in its own text; their numbers [texts].

    What `find_words` finds in each of the texts.
    """
    lengths = np.array([len(text) + 1 for text in texts], np.int64)
    begins = np.cumsum(lengths) - lengths
    # A line break is no part of a word: with one behind each text no word runs into the next.
    joined = "".join(f"{text}\n" for text in texts)
    kinds = _kinds(np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32))
    inside = (kinds & _RUN) != 0
    before = np.concatenate([np.zeros(1, bool), inside])[: len(inside)]
    seams = _seams(kinds)
    starts = np.flatnonzero(inside & (~before | seams))
    ends = np.flatnonzero(before & (~inside | seams))
    owners = np.searchsorted(begins, starts, side="right") - 1
    bounds = np.stack([starts, ends], 1) - begins[owners][:, None]
    return bounds, np.bincount(owners, minlength=len(texts))


def _seams(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a word ends before a character of a run: Arabic letters meet those of other scripts.

    Marks, and behind Arabic letters tatweel, belong to the letter before them.
    """
    arabic, foreign = (kinds & _ARABIC) != 0, (kinds & _FOREIGN) != 0
    seams: NDArray[np.bool_] = foreign & _follows(arabic, (kinds & (_MARK | _TATWEEL)) != 0)
    seams |= arabic & _follows(foreign, (kinds & _MARK) != 0)
    return seams


def _follows(letters: NDArray[np.bool_], passed_over: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the nearest character before each, those passed over left out, is of `letters`."""
    places = np.where(passed_over, -1, np.arange(len(letters)))
    nearest = np.maximum.accumulate(places)[:-1]
    found = np.zeros(len(letters), bool)
    found[1:] = letters[nearest] & (nearest >= 0)
    return found


def _kinds(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    kinds = _KINDS[codes]
    unknown = kinds == _UNKNOWN
    if unknown.any():
        for code in np.unique(codes[unknown]).tolist():
            letter = chr(code)
            _KINDS[code] = sum(kind for kind, pattern in _PATTERNS.items() if pattern.match(letter))
        kinds = _KINDS[codes]
    return kinds

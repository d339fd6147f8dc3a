"""Reads the words of a span: a number in digits or words, or a vague quantity, and its noun."""

import re
from dataclasses import replace
from functools import lru_cache

from inference.numbers.digits import Unreadable, check_is_count
from inference.numbers.number_words import Rank, find_numeral
from inference.numbers.phrase import Phrase, join_range, tokenize
from inference.numbers.spelling import fold, words_of
from inference.numbers.sums import read_number

_PLAIN = re.compile(r"(\d{1,9})(?: ([^\W\d]{2,}))?")
_RANGE_WORDS = frozenset(("الي", "او", "حتي", "-", "–", "—", "−"))
_BEFORE_DIGITS = words_of("و ب ل ك ف ال وال بال لل وب ول وبال ولل فال ع ه")
_MISSPELT = tuple(f"و{stem}" for stem in ("ثلاث", "ثماني", "ثمن", "خمس", "سبعي", "تسعي", "عشري"))
"""و and the beginning of a number word that is none: وثمانيون."""
_PER_CENT = words_of("بالمئة بالمائة المئة المائة")
_ZERO = words_of("صفر وصفر")


@lru_cache(maxsize=65536)
def read_phrase(text: str) -> Phrase | str:
    """What the span `text` says, or the reason why it cannot be read.

    A span without any number gives an empty string: it may be a dual.
    """
    plain = _PLAIN.fullmatch(text)
    if plain and plain[1][0] not in "0٠۰" and (not plain[2] or not find_numeral(plain[2])):
        number = int(plain[1])
        return Phrase(number, number, noun=plain[2], coefficient=number, digits=plain[1])
    try:
        return _read(tokenize(text))
    except Unreadable as reason:
        return str(reason)


def _read(tokens: list[str]) -> Phrase | str:
    words = tokens
    if words and words[0] in "-−–—+" and len(words) > 1 and words[1][0].isdecimal():
        if words[0] != "+":
            raise Unreadable("a negative number counts nothing")
        if len(words[1]) >= 7:
            raise Unreadable("looks like a telephone or serial number")
        words = words[1:]
    if len(words) > 1 and words[1][0].isdecimal() and fold(words[0]) in _BEFORE_DIGITS:
        words = words[1:]
    if not words:
        return ""
    words = _join_waw(words)
    if fold(words[0]) in _ZERO:
        return _with_noun(Phrase(0, 0), words, 1)
    if any(word in ("/", ":") for word in words) and sum(w[0].isdecimal() for w in words) > 1:
        raise Unreadable("looks like a date or a time")
    if any(word in ("%", "٪") or fold(word) in _PER_CENT for word in words[1:]):
        raise Unreadable("a percentage")
    if not words[0][0].isdecimal() and not find_numeral(words[0], True):
        return _number_after_noun(words)
    low, at = read_number(words, 0)
    if at < len(words) and fold(words[at]) in _RANGE_WORDS and at + 1 < len(words):
        return _in_one_span(low, words, at + 1)
    return _with_noun(low, words, at)


def _join_waw(words: list[str]) -> list[str]:
    """و belongs to the word after it, even where a blank parts them (مئة و عشرون)."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "و" and word[0].isalpha():
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _number_after_noun(words: list[str]) -> Phrase | str:
    """طفل واحد, الجنود الثلاثة; nothing where no number follows."""
    if len(words) < 2 or not (words[1][0].isdecimal() or find_numeral(words[1])):
        return ""
    phrase, at = read_number(words, 1)
    if at < len(words):
        raise Unreadable("broken number words")
    return replace(phrase, noun=words[0])


def _in_one_span(low: Phrase, words: list[str], at: int) -> Phrase:
    if not (words[at][0].isdecimal() or find_numeral(words[at], True)):
        raise Unreadable("half a range")
    high, at = read_number(words, at)
    if at < len(words) and words[at] in "-–—−/":
        raise Unreadable("looks like a date or a telephone number")
    joined = join_range(low, high)
    if joined is None:
        raise Unreadable("a range whose ends do not fit")
    return _with_noun(joined, words, at)


def _with_noun(phrase: Phrase, words: list[str], at: int) -> Phrase:
    if at < len(words) and words[at] in "+":
        at += 1
    rest = words[at:]
    if any(word[0].isdecimal() or _is_number(word) for word in rest[1:]):
        raise Unreadable("broken number words")
    if rest and (rest[0][0].isdecimal() or rest[0] in "-–—−/:"):
        raise Unreadable("looks like a date or a telephone number")
    if rest and fold(rest[0]).startswith(_MISSPELT):
        raise Unreadable("broken number words")
    if phrase.digits and not rest:
        check_is_count(phrase.digits)
    return replace(phrase, noun=rest[0]) if rest else phrase


def _is_number(word: str) -> bool:
    numeral = find_numeral(word)
    return numeral is not None and numeral.rank not in (Rank.FRACTION, Rank.FEW)

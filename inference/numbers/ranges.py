"""Finds the other end of a range of two spans: بين 5 و7, من 10 إلى 12, عشرين أو ثلاثين."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from annotation.report import Span
from inference.numbers.bounds import STOPS
from inference.numbers.duals import find_dual
from inference.numbers.nouns import kind_of
from inference.numbers.number_words import find_numeral
from inference.numbers.phrase import Phrase, join_range
from inference.numbers.spelling import fold, words_of
from inference.numbers.wording import read_phrase

_BETWEEN = words_of("بين وبين ومابين مابين")
_RANGING = words_of("يتراوح تتراوح تراوح تراوحت يتراوحون تراوحوا")
_DIFFERENCE = words_of("الفرق فرق الفارق والفرق")
_TO = frozenset(("الي", "حتي"))
_DASHES = frozenset("-–—−")
_CHANGE = re.compile(
    "[وف]?(?:ب|ال|بال)?[يتل]?(?:رتفع|رتفاع|ارتفع|ارتفاع|زاد|زياد|زداد|ازداد|قفز|صعد|انخف|نخفض|تراجع|رفع|خفض|هبط"
    "|تقلص|قلص|عدل|تضاعف|ضاعف|انتقل|تحول|نزل|هوي)"
)
_GAP = 6
"""Characters of إلى between two blanks, and one to spare."""
_LONGEST = 7
"""Words of a number with its noun."""


class Beside(NamedTuple):
    """Where the other COUNT spans of a report are, as seen from one."""

    span: Span
    spans: Sequence[Span]

    def before(self) -> bool:
        """Whether a COUNT span ends a word before this one."""
        return any(
            0 < self.span.start - span.end <= _GAP for span in self.spans if span.label == "COUNT"
        )

    def after(self) -> bool:
        """Whether a COUNT span begins a word after this one."""
        return any(
            0 < span.start - self.span.end <= _GAP for span in self.spans if span.label == "COUNT"
        )


def other_end(
    phrase: Phrase, left: Sequence[str], right: Sequence[str], joined: bool, beside: Beside
) -> Phrase | None:
    """The range that `phrase` is an end of; None where it stands for itself.

    `left` and `right` are the words around the span, nearest first; `joined` says that the span
    begins with و, `beside` where other COUNT spans are: without one before or after إلى, and
    without من, a number there is a year or part of a name (منذ 2018 إلى ثلاثين).
    """
    if phrase.vague or phrase.ranged:
        return None
    return _from_low_end(phrase, left, right, beside) or _from_high_end(
        phrase, left, joined, beside
    )


def _from_low_end(
    low: Phrase, left: Sequence[str], right: Sequence[str], beside: Beside
) -> Phrase | None:
    if not right:
        return None
    joint = fold(right[0])
    starts = 1
    if joint in _DASHES:
        if low.noun is not None or _begins_line(left):
            return None
    elif joint in _TO:
        if _tells_a_change(left) or not (beside.after() or (left and fold(left[0]) == "من")):
            return None
    elif joint.startswith("و") and left and fold(left[0]) in _BETWEEN:
        if len(left) > 1 and fold(left[1]) in _DIFFERENCE:
            return None
        if joint != "و":
            starts = 0
    elif joint != "او":
        return None
    high = _first_number(right[starts:])
    return None if high is None else _join(low, high)


def _from_high_end(
    high: Phrase, left: Sequence[str], joined: bool, beside: Beside
) -> Phrase | None:
    if not left:
        return None
    joint = fold(left[0])
    if joint in _DASHES:
        low = _last_number(left[1:])
        if low is None or low.noun is not None or _begins_line(left[2:]):
            return None
    elif joint in _TO:
        if _tells_a_change(left) or not (beside.before() or "من" in left[: _LONGEST + 1]):
            return None
        low = _last_number(left[1:])
    elif joint == "او":
        low = _last_number(left[1:])
    elif joined or joint == "و":
        low = _after_between(left[1:] if joint == "و" else left)
    else:
        return None
    return None if low is None else _join(low, high)


def _join(low: Phrase, high: Phrase) -> Phrase | None:
    """The range of two ends that count the same, else None."""
    if low.ranged or low.vague:
        return None
    if low.noun is not None and high.noun is not None and low.noun != high.noun:
        if kind_of(high.noun) is not None:
            return None
        high = replace(high, noun=None)  # بمركبتين أو ثلاث باتت: a verb
    return join_range(low, high)


def lacks_its_end(left: Sequence[str]) -> bool:
    """Whether a number is said to be the low end of a range: تتراوح التقديرات بين 7900 في …."""
    return (
        bool(left)
        and fold(left[0]) in _BETWEEN
        and any(fold(word) in _RANGING for word in left[1:6])
    )


def _after_between(left: Sequence[str]) -> Phrase | None:
    """The number from بين up to the span.

    With a noun of its own it is an end only as بين 12 ألف صاروخ و15 ألفاً: the dead who part into
    12 soldiers and 15 others are no range.
    """
    for at in range(1, min(len(left), _LONGEST)):
        if fold(left[at]) in _BETWEEN:
            if at + 1 < len(left) and fold(left[at + 1]) in _DIFFERENCE:
                return None
            low = read_words(list(reversed(left[:at])))
            return None if low is None or (low.noun and low.magnitude == 1) else low
    return None


def _begins_line(left: Sequence[str]) -> bool:
    """Whether nothing stands before a number in its line: `4- 54 في الضالع` is an item's number."""
    return not left or left[0] == "\n"


def read_words(words: list[str]) -> Phrase | None:
    """The number that `words` say from the first to the last; None where they say none."""
    read = read_phrase(" ".join(words))
    return read if isinstance(read, Phrase) else None


def _is_number(words: Sequence[str]) -> bool:
    return bool(words) and (words[0][0].isdecimal() or find_numeral(words[0], True) is not None)


def _first_number(words: Sequence[str]) -> Phrase | None:
    """The longest number that `words` begin with, and the noun after it."""
    if not _is_number(words):
        return None
    end = 1
    while end < min(len(words), _LONGEST) and (
        words[end][0].isdecimal() or find_numeral(words[end]) is not None
    ):
        end += 1
    number = read_words(list(words[:end]))
    if number is None or end >= len(words) or not words[end][0].isalpha():
        return number
    with_noun = read_words(list(words[: end + 1]))
    return number if with_noun is None else with_noun


def _last_number(left: Sequence[str]) -> Phrase | None:
    """The longest number that ends where `left` (nearest first) begins, with its noun if it has."""
    noun = 0 if _is_number(left) else 1
    if noun and (not left or kind_of(left[0]) is None or not _is_number(left[1:])):
        # بمركبتين أو ثلاث: a dual needs no number.
        dual = find_dual(left[0]) if left else None
        if dual is not None and dual.certain and not dual.construct:
            return Phrase(2, 2, noun=dual.singular, coefficient=2)
        return None
    found = None
    for length in range(noun + 1, min(len(left), _LONGEST) + 1):
        if not _is_number(left[length - 1 :]):
            break
        found = read_words(list(reversed(left[:length]))) or found
    return found


def _tells_a_change(left: Sequence[str]) -> bool:
    """Whether the numbers are what was and what is: ارتفع من 10 إلى 12."""
    for word in left[:14]:
        if word in STOPS:
            return False
        folded = fold(word)
        if _CHANGE.match(folded):
            return True
    return False

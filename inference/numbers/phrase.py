"""What the words of a span say, as a type; and how they are parted."""

import re
from dataclasses import dataclass
from fractions import Fraction

from inference.numbers.digits import PATTERN
from inference.numbers.spelling import MARKS

LETTERS = rf"[^\W\d]+(?:[{MARKS}]+[^\W\d]*)*"
"""A word: `\w` knows no vowel signs, which stand between its letters."""
_TOKEN = re.compile(rf"{LETTERS}|{PATTERN}|[-–—−/:+%٪]")
_STUCK = re.compile(r"ة(?=[ء-ي])")
"""ة ends a word: خمسةآلاف lacks a blank."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a span says by itself, before the text around it is looked at."""

    low: int
    high: int
    vague: bool = False
    ranged: bool = False
    """Two numbers in one span: 5-7, خمسة أو ستة."""
    more: bool = False
    """ونيف: some more than `low`."""
    noun: str | None = None
    """The word after the number, as written."""
    coefficient: Fraction | int = 0
    """The number without its magnitude, for a range whose second end names it for both."""
    magnitude: int = 1
    digits: str = ""
    """The number as written, where it is digits alone."""


def tokenize(text: str) -> list[str]:
    """The words, numbers and joining signs of `text`; digits part from letters (`3قتلى`)."""
    return [match.group() for match in _TOKEN.finditer(_STUCK.sub("ة ", text))]


def join_range(low: Phrase, high: Phrase) -> Phrase | None:
    """The range of two ends, the magnitude of the second holding for a bare first one.

    None where they do not go upwards.
    """
    bottom = low.low
    if low.magnitude == 1 and high.magnitude > 1 and bottom < high.coefficient:
        bottom *= high.magnitude
    if low.vague or high.vague or bottom >= high.high:
        return None
    return Phrase(bottom, high.high, ranged=True, noun=high.noun or low.noun)

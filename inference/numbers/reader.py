"""Reads a COUNT span with the text around it."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from annotation.report import Span
from inference.numbers.bounds import STOPS, bound_after, bound_before
from inference.numbers.count import Bound, Count
from inference.numbers.counted import bare_noun, noun_after_min
from inference.numbers.digits import PATTERN
from inference.numbers.duals import Dual, find_dual
from inference.numbers.kinds import PARENTS, what_is_counted
from inference.numbers.not_counts import why_no_count
from inference.numbers.nouns import kind_of
from inference.numbers.phrase import LETTERS, Phrase
from inference.numbers.ranges import Beside, lacks_its_end, other_end
from inference.numbers.spelling import FATHA, MARKS, bare, fold
from inference.numbers.tolls import toll_of
from inference.numbers.wording import read_phrase

_BEFORE, _AFTER = 44, 20
"""Words and signs of context on either side; a sentence's end is a limit too."""
# Almost every word is Arabic letters alone: tried first, and only where no blank is, they make the
# pattern a third faster.
_WORD = re.compile(rf"((?=[^ ])(?:[ء-ي]+(?![\w{MARKS}])|{LETTERS}|(?=\d)(?:{PATTERN})|[^\w\s]|\n))")


def read_count(text: str, span: Span, spans: Sequence[Span] = ()) -> Count:
    """What `span` of `text` counts.

    `spans` are all spans of the report: a name among them that follows من (ثلاثة من قسد) is an
    actor or a place and not the noun that is counted.

    >>> read_count("مقتل ستة عشر عنصراً", Span(5, 19, "COUNT")).value
    16
    """
    start, end = span.start, span.end
    words, backwards, starts = _words(text)
    first = bisect_left(starts, start)
    behind = len(words) - first
    left = backwards[behind : behind + _BEFORE]
    following = bisect_left(starts, end, first)
    right = words[following : following + _AFTER]
    read = read_phrase(text[start:end])
    if isinstance(read, Phrase):
        return _count(read, left, right, text, span, spans)
    if read:
        return Count(reason=read)
    return _count_dual(text[start:end], left, right, Beside(span, spans))


@lru_cache(maxsize=8)
def _words(text: str) -> tuple[list[str], list[str], list[int]]:
    """The words and signs of `text`, the same from the last one on, and where each starts.

    Kept for the next spans: those of a report come together.
    """
    # What lies between words, and words, in turn: the length of all before a word is its start.
    parts = _WORD.split(text)
    words = parts[1::2]
    return words, words[::-1], list(accumulate(map(len, parts)))[:-1:2]


def _count(
    phrase: Phrase,
    left: list[str],
    right: list[str],
    text: str,
    span: Span,
    spans: Sequence[Span],
) -> Count:
    reason = why_no_count(text, span, phrase, left, right)
    if reason is not None:
        return Count(reason=reason)
    joined = other_end(phrase, left, right, text.startswith("و", span.start), Beside(span, spans))
    if joined is not None:
        phrase = joined
    elif lacks_its_end(left):
        return Count(reason="a range whose other end is not found")
    noun = phrase.noun
    counted = None if noun is None else bare_noun(noun, phrase)
    if counted is None and right and right[0] == "من":
        counted = noun_after_min(text, span, right, spans)
    what = what_is_counted(counted, left, right)
    if text.startswith("ل", span.start) and left and fold(left[0]) in PARENTS:
        what = "people"  # أب لخمسة أطفال
    if phrase.vague:
        return Count(None, phrase.low, phrase.high, "vague", counted, what)
    if phrase.ranged:
        return Count(None, phrase.low, phrase.high, "range", counted, what)
    bound = "at_least" if phrase.more else _bound(left, right, True)
    if bound == "exact" and left and left[0] == "فوق" and text.startswith("ال", span.start):
        bound = "at_least"  # فوق العشرين; a plane is over twenty villages
    return _bounded(phrase.low, bound, counted, what)


def _bound(left: list[str], right: list[str], of_things: bool) -> Bound:
    return bound_before(left, of_things) or bound_after(right) or "exact"


@lru_cache(maxsize=65536)
def _bounded(value: int, bound: Bound, counted: str | None, what: str) -> Count:
    return Count(
        value,
        value if bound in ("exact", "at_least") else None,
        value if bound in ("exact", "at_most") else None,
        bound,
        counted,
        what,  # type: ignore[arg-type]
    )


def _count_dual(written: str, left: list[str], right: list[str], beside: Beside) -> Count:
    words = written.split()
    dual = find_dual(words[0]) if words else None
    if words and fold(words[0]) == "وحده" and right and fold(right[0]) in ("منها", "منهن", "منن"):
        return _bounded(1, "exact", None, what_is_counted(None, left, right))  # the spoken واحدة
    if dual is None or len(words) > 2:
        return Count(reason="no number and no dual")
    if dual.construct and not _leads_to_noun(right):
        return Count(reason="no number, and no noun after what may be a dual")
    if not dual.certain and not _told_by_context(dual, left, right):
        return Count(reason="may be a dual or a plural")
    bound = _bound(left, right, False)
    what = what_is_counted(dual.singular, left, right)
    joined = other_end(
        Phrase(2, 2, noun=dual.singular, coefficient=2),
        left,
        right,
        written.startswith("و"),
        beside,
    )
    if joined is not None:
        return Count(None, joined.low, joined.high, "range", bare(dual.singular), what)
    return _bounded(2, bound, bare(dual.singular), what)


def _leads_to_noun(right: list[str]) -> bool:
    right = [word for word in right[:2] if word not in '"«“(']
    return (
        bool(right) and right[0][0].isalpha() and fold(right[0]) not in ("في", "من", "علي", "الي")
    )


def _told_by_context(dual: Dual, left: list[str], right: list[str]) -> bool:
    """Whether the sentence says that there are two: both, the two of them, another dual."""
    if any(fold(word) in ("اثنين", "اثنتين", "اثنان") for word in right[:2]):
        return True
    if right and right[0].endswith("ا") and (right[0] == "كانا" or toll_of(right[0][:-1])):
        return True
    if left:
        before = find_dual(left[0])
        if before is not None and before.construct and before.certain and kind_of(before.singular):
            return True
    for word in right[:14]:
        folded = fold(word)
        if word in STOPS:
            return False
        if folded.endswith("هما"):
            return True
        if folded in ("بينهم", "منهم", "جميعهم", "معظمهم", "بعضهم", "كلهم"):
            return False
        if folded.endswith("ين") and FATHA + "ي" in word:
            return True
    return False

"""Cuts a report into sentences, none of them so long that reading it would take time."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import regex

from annotation.report import Span

LONGEST = 1_200
"""Characters: a longer sentence (a text without stops) is cut at a blank."""

_END = regex.compile(r"[.؟?!؛…]+[\"»”’')\]]*(?=\s|$)")
_LINE = regex.compile(r"[^\n]+")
# A stop behind one letter or a number ends no sentence: د. سامر, 3. كفرنبل.
_ABBREVIATED = regex.compile(r"(?:^|[\s(«\"])(?:[\p{L}]\p{M}*|\p{Nd}{1,2})\.$")
_BLANK = regex.compile(r"\s")


class Sentence(NamedTuple):
    """Where a sentence stands, in code points, without blanks at its edges."""

    start: int
    end: int
    line: int
    """The number of its line in the text, from 0."""


def find_sentences(text: str, spans: Sequence[Span]) -> Iterator[Sentence]:
    """The sentences of `text` in order. None ends inside one of `spans` (sorted)."""
    starts = [span.start for span in spans]

    def inside(place: int) -> bool:
        before = bisect_right(starts, place - 1) - 1
        return before >= 0 and place < spans[before].end

    number, counted_to = 0, 0
    for line in _LINE.finditer(text):
        number += text.count("\n", counted_to, line.start())
        counted_to = line.start()
        start = line.start()
        for end in _ends(text, *line.span()):
            if inside(end):
                continue
            for piece in _pieces(text, start, end, inside):
                trimmed = _trim(text, *piece)
                if trimmed[0] < trimmed[1]:
                    yield Sentence(*trimmed, number)
            start = end


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    for found in _END.finditer(text, start, end):
        single = found.group() == "."
        if single and _ABBREVIATED.search(text, max(start, found.end() - 5), found.end()):
            continue
        if found.end() < end:
            yield found.end()
    yield end


def _pieces(
    text: str, start: int, end: int, inside: Callable[[int], bool]
) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        cut = start + LONGEST
        while cut > start and not (text[cut].isspace() and not inside(cut)):
            cut -= 1
        if cut == start:
            found = next(
                (m for m in _BLANK.finditer(text, start + LONGEST, end) if not inside(m.start())),
                None,
            )
            if found is None:
                break
            cut = found.start()
        yield start, cut
        start = cut
    yield start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end

"""The word rule of the annotation guidelines: what a word is, and so what a span can cover."""

from typing import NamedTuple

import regex

# A maximal run of letters, marks, numbers and underscores (tatweel is a letter, tashkeel are
# marks); any other character, a joiner or a bidi mark too, ends the word.
RUN_CHARACTER = r"[\p{L}\p{M}\p{N}_]"
ARABIC_LETTER = r"[\p{L}&&\p{Script=Arabic}]"
FOREIGN_LETTER = r"[\p{L}--\p{Script=Arabic}--\p{Script=Common}--\p{Script=Inherited}]"
_RUN = regex.compile(f"{RUN_CHARACTER}+")
# Within a run, a word also ends where Arabic letters meet letters of another script. Marks and
# tatweel (script Common) belong to the letter before them; digits keep the two sides together.
_SEAM = regex.compile(
    rf"(?V1){ARABIC_LETTER}[\p{{M}}ـ]*+(?={FOREIGN_LETTER})"
    rf"|{FOREIGN_LETTER}\p{{M}}*+(?={ARABIC_LETTER})"
)
_FOREIGN = regex.compile(rf"(?V1){FOREIGN_LETTER}")


class Word(NamedTuple):
    """Code point offsets of a word, `end` exclusive."""

    start: int
    end: int


def find_words(text: str) -> list[Word]:
    """The words of `text`, in order.

    >>> text = "الإنسانNovember وداعش!"
    >>> [text[start:end] for start, end in find_words(text)]
    ['الإنسان', 'November', 'وداعش']
    """
    words = []
    for run in _RUN.finditer(text):
        start, end = run.span()
        # Almost every run is of one script: the search for seams is for the few that are not.
        if not run.group().isascii() and _FOREIGN.search(text, start, end):
            for seam in _SEAM.finditer(text, start, end):
                words.append(Word(start, seam.end()))
                start = seam.end()
        words.append(Word(start, end))
    return words

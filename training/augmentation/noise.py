"""What posts do to text: letters dropped, names broken or tagged, page furniture in between."""

from collections.abc import Callable
from itertools import pairwise

from numpy.random import Generator

from annotation.report import Report, Span
from annotation.words import find_words
from training.augmentation.edits import Edit, edited

LETTERS = [{"أ": "ا", "إ": "ا", "آ": "ا"}, {"ة": "ه"}, {"ى": "ي"}, {"ي": "ى"}, {"ئ": "ي", "ؤ": "و"}]
"""One for the other, as hasty writers do; ي becomes ى at the end of a word only."""
BREAKERS = [".", "ـ.ـ", "ۦ", "*", "-", "ـ"]
"""What is put into a name so that a filter does not find it."""
FURNITURE = [
    "تمت المشاركة مع العامة",
    "أعجبني · تعليق · مشاركة",
    "عرض المزيد من التعليقات",
    "اقرأ أيضاً",
    "تابعونا على قناتنا",
    "الرئيسية / أخبار / محليات",
    "آخر تحديث قبل ساعتين",
    "جميع الحقوق محفوظة",
    "كل التفاعلات",
    "منذ ٣ ساعات",
    "شارك الخبر",
    "عاجل",
    "🔴",
    "#عاجل",
]
TAGGED = 0.08
BROKEN = 0.05
STUCK = 0.01
"""Shares of the mentions and of the gaps between words, in a report that is made noisy."""


def with_noise(report: Report, random: Generator) -> Report:
    """The report as a careless post would bring it; each kind of noise comes in half of them."""
    kinds: list[Callable[[Report, Generator], list[Edit]]] = [_tags, _breaks, _stuck, _furniture]
    noisy = Report(report.id, _careless(report.text, random), report.spans, report.fields)
    for kind in kinds:
        if random.random() < 0.5:
            noisy = edited(noisy, kind(noisy, random))
    return noisy


def _careless(text: str, random: Generator) -> str:
    """The same length, other letters."""
    for change in LETTERS:
        if random.random() < 0.5:
            if "ي" in change:
                text = _at_word_ends(text, "ي", change["ي"])
            else:
                text = text.translate({ord(one): other for one, other in change.items()})
    return text


def _at_word_ends(text: str, letter: str, other: str) -> str:
    letters = list(text)
    for _, end in find_words(text):
        if letters[end - 1] == letter:
            letters[end - 1] = other
    return "".join(letters)


def _tags(report: Report, random: Generator) -> list[Edit]:
    """A hash sign before a name, and underscores in it."""
    edits = []
    for span in _names(report):
        text = report.text[span.start : span.end]
        if random.random() < TAGGED and all(word.isalpha() for word in text.split(" ")):
            edits.append(Edit(span.start, span.start, "#"))
            edits += [
                Edit(span.start + at, span.start + at + 1, "_")
                for at, character in enumerate(text)
                if character == " "
            ]
    return edits


def _breaks(report: Report, random: Generator) -> list[Edit]:
    """Marks inside the words of names."""
    edits = []
    for span in _names(report):
        for start, end in find_words(report.text[span.start : span.end]):
            if end - start >= 4 and random.random() < BROKEN:
                at = span.start + int(random.integers(start + 2, end - 1))
                edits.append(Edit(at, at, str(random.choice(BREAKERS))))
    return edits


def _stuck(report: Report, random: Generator) -> list[Edit]:
    """Blanks lost between words, none of them at or in a span."""
    held = {at for span in report.spans or () for at in range(span.start - 1, span.end + 1)}
    words = find_words(report.text)
    return [
        Edit(left.end, right.start, "")
        for left, right in pairwise(words)
        if random.random() < STUCK
        and report.text[left.end : right.start] == " "
        and not held.intersection(range(left.end, right.start))
        # The word rule looks at the whole of the new word: no span may touch it.
        and not held.intersection((left.start, right.end - 1))
    ]


def _furniture(report: Report, random: Generator) -> list[Edit]:
    """Lines of a page at the beginning, at the end, and between paragraphs."""
    ends = [0, *(at for at, character in enumerate(report.text) if character == "\n")]
    edits = []
    for at in sorted({*random.choice(ends, 2), len(report.text)}):
        line = str(random.choice(FURNITURE))
        edits.append(Edit(int(at), int(at), f"\n{line}" if at else f"{line}\n"))
    return edits


def _names(report: Report) -> list[Span]:
    return [span for span in report.spans or () if span.label != "COUNT"]

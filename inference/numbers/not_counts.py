"""Digits that the text around tells from a count: percentages, years, days, telephone numbers."""

from collections.abc import Sequence

from annotation.report import Span
from inference.numbers.phrase import Phrase
from inference.numbers.spelling import fold, words_of

_YEAR_WORDS = words_of("عام العام سنه السنه لعام عامي منذ وعام لسنه")
_MONTHS = words_of(
    "كانون شباط اذار نيسان ايار حزيران تموز اب ايلول تشرين يناير فبراير مارس ابريل مايو"
    " يونيو يوليو اغسطس سبتمبر اكتوبر نوفمبر ديسمبر جانفي فيفري افريل ماي جوان جويليه اوت"
    " شتنبر نونبر دجنبر محرم رمضان شوال"
)


def why_no_count(
    text: str, span: Span, phrase: Phrase, left: Sequence[str], right: Sequence[str]
) -> str | None:
    """Why `span` of `text` counts nothing, although it reads as `phrase`; None where it counts.

    `left` and `right` are the words around it, nearest first.
    """
    following = fold(right[0]) if right else ""
    if following in _PER_CENT or (
        following == "في" and len(right) > 1 and fold(right[1]) in _HUNDRED
    ):
        return "a percentage"
    if not phrase.digits:
        return None
    before, after = text[max(0, span.start - 2) : span.start], text[span.end : span.end + 2]
    if (before[-1:] in ("/", ":") and before[:1].isdecimal()) or (
        after[:1] in ("/", ":") and after[1:].isdecimal()
    ):
        return "looks like a date or a time"
    if phrase.low <= 31 and (fold(phrase.noun) if phrase.noun else following) in _MONTHS:
        return "looks like a date"
    preceding = fold(left[0]) if left else ""
    if (
        phrase.noun is None
        and len(phrase.digits) == 4
        and 1900 <= phrase.low <= 2100
        and (preceding in _YEAR_WORDS or preceding in _MONTHS)
    ):
        return "looks like a year"
    if preceding == "+" and len(phrase.digits) >= 7:
        return "looks like a telephone or serial number"
    return None


_PER_CENT = frozenset(("%", "٪", "بالميه", "بالمايه"))
_HUNDRED = frozenset(("الميه", "المايه"))

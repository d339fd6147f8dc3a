"""Finds the dates that a sentence tells, and reckons relative ones from the report's date."""

import datetime
from collections.abc import Sequence
from dataclasses import replace

import regex

from inference.numbers.spelling import words_of
from inference.numbers.wording import read_phrase
from inference.statements.calendar_words import (
    COMING,
    CURRENT,
    MONTHS,
    ORDINALS,
    PAST,
    SHORT_MONTHS,
    SPANS_OF_DAYS,
    TWO,
    WEEKDAYS,
)
from inference.statements.items import Item
from inference.statements.statement import Day, DayRule

_NUMERIC = regex.compile(
    r"(?<![\p{Nd}/.-])(\p{Nd}{1,4})([/.-])(\p{Nd}{1,2})\2(\p{Nd}{2,4})(?![\p{Nd}/-]|\.\p{Nd})"
)
_YEAR = regex.compile(r"(?:19|20)\d\d$")
_NOT_TODAY_AFTER = frozenset(ORDINALS) | {
    (word,) for word in words_of("الذي نفسه ذاته العالمي الوطني الدولي واحد كله السابع عام سابع")
}
_NOT_TODAY_BEFORE = words_of("ذلك حتى كل لليوم منذ ليوم الى")
_NIGHT = words_of("الليلة")
_IN_MONTH = words_of("شهر خلال في منذ مطلع منتصف أواخر أوائل نهاية بداية لشهر بشهر وحتى حتى من")
_AGO = words_of("قبل منذ")
_TO_COME = -1
"""The year of a date that is to come."""

Ends = tuple[datetime.date, datetime.date]
_Found = tuple[int, Ends | None, DayRule]
"""How many items an expression takes, its days (None: not this sentence's, or not to be told)."""


def find_days(
    text: str, items: Sequence[Item], report_day: datetime.date | None
) -> list[tuple[int, Day]]:
    """The dates of a sentence, each with the index of its first item.

    A date without a year is the last one on or before the report's date. Dates that need the
    report's date are left out where it is not known, and so are those to come.
    """
    found = []
    numeric = _numeric_days(text, items)
    taken = -1
    for at, item in enumerate(items):
        if at <= taken:
            continue
        if item.start in numeric:
            end, day = numeric[item.start]
            while taken + 1 < len(items) and items[taken + 1].start < end:
                taken += 1
            if day is not None:
                found.append((at, day))
            continue
        if item.kind != "word":
            continue
        read = _read(items, at, report_day)
        if read is None:
            continue
        length, ends, rule = read
        taken = at + length - 1
        if ends is not None:
            start = items[at].start
            found.append((at, Day(*ends, rule, start, items[taken].end)))
    return found


def day_of(
    days: Sequence[tuple[int, Day]],
    at: int,
    parted: Sequence[int],
    report_day: datetime.date | None,
) -> Day | None:
    """The date nearest to the item `at`; the report's where the sentence has none.

    One beyond one of the items `parted` (where clauses begin) is guessed.
    """
    if not days:
        return None if report_day is None else Day(report_day, report_day, "report")

    def clauses_between(pair: tuple[int, Day]) -> int:
        low, high = sorted((pair[0], at))
        return sum(low < place <= high for place in parted)

    best = min(days, key=lambda pair: (clauses_between(pair), abs(pair[0] - at), pair[0]))
    return replace(best[1], guessed=True) if clauses_between(best) else best[1]


def _numeric_days(text: str, items: Sequence[Item]) -> dict[int, tuple[int, Day | None]]:
    if not items:
        return {}
    days = {}
    for found in _NUMERIC.finditer(text, items[0].start, items[-1].end):
        first, middle, last = (int(found.group(number)) for number in (1, 3, 4))
        if len(found.group(1)) == 4:
            date = _date(first, middle, last)
        else:
            year = last if len(found.group(4)) == 4 else 2000 + last
            # Day before month, as the region writes; the other way round where it must be.
            date = _date(year, middle, first) or _date(year, first, middle)
            if len(found.group(4)) != 4 and found.group(2) == ".":
                date = None
        day = None if date is None else Day(date, date, "told", found.start(), found.end())
        days[found.start()] = (found.end(), day)
    return days


def _read(items: Sequence[Item], at: int, report_day: datetime.date | None) -> _Found | None:
    word = _bare(items[at].word)
    return (
        _today(items, at, word, report_day)
        or _with_month(items, at, report_day)
        or _weekday(items, at, word, report_day)
        or _ago(items, at, report_day)
        or _period(items, at, word, report_day)
        or _year(items, at, word)
    )


def _today(
    items: Sequence[Item], at: int, word: str, report_day: datetime.date | None
) -> _Found | None:
    before = items[at - 1].word if at else ""
    following = _word(items, at + 1)
    if word in ("امس", "البارحه"):
        if following == "الاول":
            return 2, _days(report_day, -2), "relative"
        two_days = before == "اول" or (before == "من" and _word(items, at - 2) == "اول")
        return 1, _days(report_day, -2 if two_days else -1), "relative"
    if word == "اليوم":
        ordinal = (following,) in _NOT_TODAY_AFTER or following in COMING | PAST
        if ordinal or before in _NOT_TODAY_BEFORE:
            return 2 if ordinal else 1, None, "relative"
        return 1, _days(report_day, 0), "relative"
    if word in _NIGHT:
        return 1, _days(report_day, -1 if following in PAST else 0), "relative"
    if word == "الساعات":
        for step in range(1, 5):
            if _word(items, at + step) in PAST | words_of("الأخيرة"):
                return step + 1, _days(report_day, -1, 0), "relative"
    return None


def _weekday(
    items: Sequence[Item], at: int, word: str, report_day: datetime.date | None
) -> _Found | None:
    if word not in WEEKDAYS or (at and items[at - 1].word in ("كل", "ايام")):
        return None
    following = _word(items, at + 1)
    if following in COMING:
        return 2, None, "relative"
    if report_day is None:
        return 1, None, "relative"
    back = (report_day.weekday() - WEEKDAYS[word]) % 7
    if following in PAST:
        return 2, _days(report_day, -(back or 7)), "relative"
    return 1, _days(report_day, -back), "relative"


def _with_month(items: Sequence[Item], at: int, report_day: datetime.date | None) -> _Found | None:
    """A day and its month, or a month that cannot be another word; its year where it is told."""
    day, length = _day_of_month(items, at)
    month, month_words = _month(items, at + length)
    if month is None:
        return None
    named = at + length
    length += month_words
    # نيسان/أبريل: the same month by its other name.
    if _raw(items, at + length) == "/":
        again, more = _month(items, at + length + 1)
        if again == month:
            length += 1 + more
    said, year_length = _year_behind(items, at + length, report_day)
    if day is None and not _is_month_here(items, named, said):
        return None
    length += year_length
    if said == _TO_COME:
        return length, None, "relative"
    is_told = said is not None and _raw(items, at + length - 1).isdecimal()
    rule: DayRule = "told" if is_told else "relative"
    if said is not None:
        year = said
    elif report_day is None:
        return length, None, "relative"
    else:
        year = report_day.year
        start = _date(year, month, day or 1)
        if start is not None and start > report_day:
            year -= 1
    if day is None:
        return length, _month_ends(year, month), rule
    date = _date(year, month, day)
    return length, (None if date is None else (date, date)), rule


def _day_of_month(items: Sequence[Item], at: int) -> tuple[int | None, int]:
    """The day that stands at `at` and the items up to its month; no items where there is none."""
    raw = _raw(items, at)
    if raw.isdecimal() and len(raw) <= 2 and 1 <= int(raw) <= 31:
        number, length = int(raw), 1
    else:
        for length in (2, 1):
            key = tuple(_bare(_word(items, at + step)) for step in range(length))
            key = key if length == 1 else (key[0], _word(items, at + 1))
            if key in ORDINALS:
                number = ORDINALS[key]
                break
        else:
            return None, 0
    if _word(items, at + length) == "من":
        length += 1
        if _word(items, at + length) == "شهر":
            length += 1
    elif _word(items, at + length) == "شهر":
        length += 1
    elif not raw.isdecimal():
        return None, 0
    return number, length


def _month(items: Sequence[Item], at: int) -> tuple[int | None, int]:
    first = _bare(_word(items, at))
    two = MONTHS.get((first, _word(items, at + 1)))
    if two is not None:
        return two, 2
    one = MONTHS.get((first,))
    return (None, 0) if one is None else (one, 1)


def _is_month_here(items: Sequence[Item], at: int, year: int | None) -> bool:
    if year is not None:
        return True
    before = items[at - 1].word if at else ""
    word = _bare(items[at].word)
    return before in ("شهر", "لشهر", "بشهر") or (word not in SHORT_MONTHS and before in _IN_MONTH)


def _year_behind(
    items: Sequence[Item], at: int, report_day: datetime.date | None
) -> tuple[int | None, int]:
    """The year behind a month and its items: None where none is told, _TO_COME for one to come."""
    length = 0
    if _word(items, at) in ("من", "لعام", "عام", "سنه", "العام", "للعام"):
        length = 1
        if _word(items, at + 1) in ("عام", "العام", "سنه", "السنه", "هذا"):
            length = 2
            if _word(items, at + 2) == "العام":
                length = 3
    following = _raw(items, at + length)
    if following.isdecimal() and _YEAR.match(str(int(following))):
        return int(following), length + 1
    word = _word(items, at + length)
    of_year = length > 0
    if report_day is not None and of_year and word in PAST:
        return report_day.year - 1, length + 1
    if report_day is not None and of_year and word in CURRENT:
        return report_day.year, length + 1
    if word in COMING:
        return _TO_COME, length + 1
    if not of_year and (word in PAST or word in CURRENT):
        return None, 1
    return None, 0


def _ago(items: Sequence[Item], at: int, report_day: datetime.date | None) -> _Found | None:
    """قبل يومين, قبل ثلاثة أيام: the day. منذ يومين: the days since."""
    if items[at].word not in _AGO:
        return None
    number, length = 1, 1
    unit = _word(items, at + 1)
    if unit not in SPANS_OF_DAYS:
        read = read_phrase(_raw(items, at + 1)) if _raw(items, at + 1) else ""
        if isinstance(read, str) or read.low != read.high:
            return None
        number, length = read.low, 2
        unit = _word(items, at + 2)
    kind = SPANS_OF_DAYS.get(unit)
    if kind is None or number > 10_000:
        return None
    if unit in TWO:
        number = 2
    if report_day is None:
        return length + 1, None, "relative"
    first = _back(report_day, number, kind)
    if first is None:
        return length + 1, None, "relative"
    since = items[at].word == "منذ"
    ends = (first[0], report_day) if since else first
    return length + 1, ends, "relative"


def _back(day: datetime.date, number: int, unit: str) -> Ends | None:
    try:
        if unit == "hour":
            date = day - datetime.timedelta(days=number // 24)
            return date, date
        if unit in ("day", "week"):
            date = day - datetime.timedelta(days=number * (7 if unit == "week" else 1))
            return date, date
        if unit == "month":
            months = day.year * 12 + day.month - 1 - number
            return _month_ends(months // 12, months % 12 + 1)
        return datetime.date(day.year - number, 1, 1), datetime.date(day.year - number, 12, 31)
    except (OverflowError, ValueError):
        return None


def _period(
    items: Sequence[Item], at: int, word: str, report_day: datetime.date | None
) -> _Found | None:
    """الأسبوع الماضي, الشهر الجاري, هذا العام."""
    if word not in ("الاسبوع", "الشهر", "العام", "السنه"):
        return None
    following = _word(items, at + 1)
    this = bool(at) and items[at - 1].word in ("هذا", "هذه")
    year = _raw(items, at + 2) if following in CURRENT | PAST else _raw(items, at + 1)
    if year.isdecimal() and _YEAR.match(str(int(year))):
        length = 3 if following in CURRENT | PAST else 2
        return length, _year_ends(int(year)), "told"
    if following not in PAST | CURRENT and not this:
        return None
    length = 2 if following in PAST | CURRENT else 1
    if report_day is None:
        return length, None, "relative"
    past = following in PAST
    if word == "الاسبوع":
        return length, _days(report_day, -7, -1) if past else _days(report_day, -6, 0), "relative"
    if word == "الشهر":
        if past:
            return length, _back(report_day, 1, "month"), "relative"
        return length, (report_day.replace(day=1), report_day), "relative"
    if past:
        return length, _year_ends(report_day.year - 1), "relative"
    return length, (datetime.date(report_day.year, 1, 1), report_day), "relative"


def _year(items: Sequence[Item], at: int, word: str) -> _Found | None:
    """عام 2019, and a year behind في or منذ."""
    raw = _raw(items, at)
    before = items[at - 1].word if at else ""
    if word in ("عام", "سنه") and _raw(items, at + 1).isdecimal():
        year = str(int(_raw(items, at + 1)))
        return (2, _year_ends(int(year)), "told") if _YEAR.match(year) else None
    if raw.isdecimal() and _YEAR.match(str(int(raw))) and before in ("في", "منذ"):
        return 1, _year_ends(int(raw)), "told"
    return None


def _bare(word: str) -> str:
    """A word of a date without what is glued to it: والأحد, بتاريخ, لشهر."""
    if word[:1] in ("و", "ف", "ب") and len(word) > 4:
        rest = word[1:]
        if rest in WEEKDAYS or rest in ("امس", "اليوم", "البارحه", "الليله") or (rest,) in MONTHS:
            return rest
    if word.startswith("لل") and "ا" + word[1:] in WEEKDAYS:
        return "ا" + word[1:]
    return word


def _word(items: Sequence[Item], at: int) -> str:
    return items[at].word if 0 <= at < len(items) and items[at].kind == "word" else ""


def _raw(items: Sequence[Item], at: int) -> str:
    return items[at].raw if 0 <= at < len(items) and items[at].kind != "ACTOR" else ""


def _days(day: datetime.date | None, first: int, last: int | None = None) -> Ends | None:
    if day is None:
        return None
    try:
        start = day + datetime.timedelta(days=first)
        return start, (start if last is None else day + datetime.timedelta(days=last))
    except OverflowError:
        return None


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _month_ends(year: int, month: int) -> Ends | None:
    first = _date(year, month, 1)
    following = _date(year + month // 12, month % 12 + 1, 1)
    if first is None or following is None:
        return None
    return first, following - datetime.timedelta(days=1)


def _year_ends(year: int) -> Ends:
    return datetime.date(year, 1, 1), datetime.date(year, 12, 31)


def parse_day(value: object) -> datetime.date | None:
    """The day that a report's `date` says: ISO 8601, a time behind it or not; None for others."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None

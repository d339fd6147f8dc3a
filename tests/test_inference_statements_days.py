"""When it happened: dates that a text tells, and those that are reckoned from the report's."""

import datetime

import pytest

from annotation.report import Report, Span
from inference.statements.days import day_of, find_days, parse_day
from inference.statements.items import sentence_items
from inference.statements.reader import StatementReader
from inference.statements.sentences import Sentence

TUESDAY = datetime.date(2021, 5, 4)


def told(text: str, report_day: datetime.date | None = TUESDAY) -> list[str]:
    """The dates of a sentence: `first` or `first/last`, and the rule."""
    items = sentence_items(text, Sentence(0, len(text), 0), [])
    found = []
    for _, day in find_days(text, items, report_day):
        days = str(day.first) if day.first == day.last else f"{day.first}/{day.last}"
        found.append(f"{days} {day.rule}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Relative to the report's date, a Tuesday.
        ("قتل ثلاثة اليوم", ["2021-05-04 relative"]),
        ("قتل ثلاثة أمس", ["2021-05-03 relative"]),
        ("قتل ثلاثة مساء أمس الاثنين", ["2021-05-03 relative", "2021-05-03 relative"]),
        ("قتل ثلاثة أمس الأول", ["2021-05-02 relative"]),
        ("قتل ثلاثة أول أمس", ["2021-05-02 relative"]),
        ("قتل ثلاثة أول من أمس", ["2021-05-02 relative"]),
        ("قتل ثلاثة البارحة", ["2021-05-03 relative"]),
        ("قتل ثلاثة الليلة الماضية", ["2021-05-03 relative"]),
        ("قتل ثلاثة الأحد", ["2021-05-02 relative"]),
        ("قتل ثلاثة يوم الأربعاء", ["2021-04-28 relative"]),
        ("قتل ثلاثة الأربعاء الماضي", ["2021-04-28 relative"]),
        ("قتل ثلاثة الثلاثاء", ["2021-05-04 relative"]),
        ("قتل ثلاثة الثلاثاء الفائت", ["2021-04-27 relative"]),
        ("قتل ثلاثة قبل يومين", ["2021-05-02 relative"]),
        ("قتل ثلاثة قبل ثلاثة أيام", ["2021-05-01 relative"]),
        ("قتل ثلاثة قبل 10 أيام", ["2021-04-24 relative"]),
        ("قتل ثلاثة قبل أسبوع", ["2021-04-27 relative"]),
        ("قتل ثلاثة قبل أسبوعين", ["2021-04-20 relative"]),
        ("قتل ثلاثة قبل ساعات", ["2021-05-04 relative"]),
        ("قتل ثلاثة قبل شهرين", ["2021-03-01/2021-03-31 relative"]),
        ("قتل ثلاثة قبل عامين", ["2019-01-01/2019-12-31 relative"]),
        ("قتل ثلاثة منذ يومين", ["2021-05-02/2021-05-04 relative"]),
        ("قتل ثلاثة الأسبوع الماضي", ["2021-04-27/2021-05-03 relative"]),
        ("قتل ثلاثة الشهر الماضي", ["2021-04-01/2021-04-30 relative"]),
        ("قتل ثلاثة هذا الشهر", ["2021-05-01/2021-05-04 relative"]),
        ("قتل ثلاثة العام الماضي", ["2020-01-01/2020-12-31 relative"]),
        ("خلال الساعات الـ24 الماضية", ["2021-05-03/2021-05-04 relative"]),
        # Told by the text, in the months of every region.
        ("في 12 أيار 2021", ["2021-05-12 told"]),
        ("في 12 مايو/أيار 2021", ["2021-05-12 told"]),
        ("في ١٢ أيار ٢٠٢١", ["2021-05-12 told"]),
        ("في 3 كانون الثاني 2020", ["2020-01-03 told"]),
        ("في 3 جانفي 2020", ["2020-01-03 told"]),
        ("في 3 أوت 2020", ["2020-08-03 told"]),
        ("في 3 غشت 2020", ["2020-08-03 told"]),
        ("في 3 أغسطس 2020", ["2020-08-03 told"]),
        ("في 30 تشرين الثاني/نوفمبر من عام 2019", ["2019-11-30 told"]),
        ("في الأول من آذار 2020", ["2020-03-01 told"]),
        ("في الحادي والعشرين من شهر شباط 2020", ["2020-02-21 told"]),
        ("في الخامس عشر من جويلية 2020", ["2020-07-15 told"]),
        ("في آذار 2020", ["2020-03-01/2020-03-31 told"]),
        ("في عام 2014", ["2014-01-01/2014-12-31 told"]),
        ("بتاريخ 12/5/2020", ["2020-05-12 told"]),
        ("بتاريخ 2020-05-12", ["2020-05-12 told"]),
        ("بتاريخ ١٢/٥/٢٠٢٠", ["2020-05-12 told"]),
        ("بتاريخ 5/13/2020", ["2020-05-13 told"]),
        # Without a year: the last one on or before the report's date.
        ("في 3 أيار", ["2021-05-03 relative"]),
        ("في 12 أيار", ["2020-05-12 relative"]),
        ("في شهر آذار", ["2021-03-01/2021-03-31 relative"]),
        ("في كانون الأول الماضي", ["2020-12-01/2020-12-31 relative"]),
        ("في 3 آذار من العام الماضي", ["2020-03-03 relative"]),
        # No date, or none of this event.
        ("لليوم الرابع على التوالي", []),
        ("حتى اليوم", []),
        ("في ذلك اليوم", []),
        ("في اليوم التالي", []),
        ("الأحد المقبل", []),
        ("كل جمعة", []),
        ("في 31 شباط 2020", []),
        ("نسبة 12.5 بالمئة", []),
        ("آب وابنه", []),
    ],
)
def test_dates_are_reckoned(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize("text", ["أمس", "قبل يومين", "الأربعاء الماضي", "في 3 أيار", "هذا العام"])
def test_relative_dates_need_the_date_of_the_report(text: str) -> None:
    assert told(text, None) == []


def test_a_year_in_the_text_needs_nothing_else() -> None:
    assert told("في 3 أيار 2020", None) == ["2020-05-03 told"]


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2021-05-04", TUESDAY),
        ("2021-05-04T23:59:00+03:00", TUESDAY),
        (" 2021-05-04", TUESDAY),
        ("2021-02-30", None),
        ("2021-13-01", None),
        ("4/5/2021", None),
        ("", None),
        (20210504, None),
        (None, None),
    ],
)
def test_the_day_of_a_report_is_that_of_its_date(value: object, day: object) -> None:
    assert parse_day(value) == day


def days_of_rows(text: str, numbers: list[tuple[int, int]], date: object) -> list[str]:
    spans = tuple(Span(*ends, "COUNT", None, {"what": "killed"}) for ends in numbers)
    rows = StatementReader().read(Report("r", text, spans, {"date": date}))
    return [
        "none" if row.day is None else f"{row.day.first} {row.day.rule}{'?' * row.day.guessed}"
        for row in rows
    ]


def test_a_row_takes_the_date_of_its_own_clause() -> None:
    text = "قُتل 3 أمس وأصيب 5 الأحد"
    assert days_of_rows(text, [(5, 6), (17, 18)], "2021-05-04") == [
        "2021-05-03 relative",
        "2021-05-02 relative",
    ]


def test_a_date_of_another_clause_is_guessed() -> None:
    text = "قُتل 3 أمس وأصيب 5"
    assert days_of_rows(text, [(5, 6), (17, 18)], "2021-05-04") == [
        "2021-05-03 relative",
        "2021-05-03 relative?",
    ]


@pytest.mark.parametrize(
    ("date", "expected"),
    [("2021-05-04", "2021-05-04 report"), ("yesterday", "none"), (None, "none")],
)
def test_without_a_date_in_the_text_a_row_has_that_of_the_report(
    date: object, expected: str
) -> None:
    assert days_of_rows("قُتل 3", [(5, 6)], date) == [expected]


def test_offsets_say_where_the_date_stands() -> None:
    text = "قُتل 3 في 12 أيار 2020 بقصف"
    rows = StatementReader().read(Report("r", text, (Span(5, 6, "COUNT"),)))
    day = rows[0].day
    assert day is not None
    assert day.start is not None
    assert text[day.start : day.end] == "12 أيار 2020"


def test_the_nearest_of_two_dates_is_taken() -> None:
    first, second = datetime.date(2020, 1, 1), datetime.date(2020, 2, 2)
    text = "في 1 كانون الثاني 2020 ثلاثة في 2 شباط 2020"
    items = sentence_items(text, Sentence(0, len(text), 0), [])
    days = find_days(text, items, None)
    assert [day.first for _, day in days] == [first, second]
    at = next(n for n, item in enumerate(items) if item.raw == "ثلاثة")
    nearest = day_of(days, at, [], None)
    assert nearest is not None
    assert nearest.first == second

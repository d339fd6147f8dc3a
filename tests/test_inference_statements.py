"""Statements: what is tied to a number, and what comes of rows that tell the same."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from benchmark_statements import EVENT_SAMPLE, checked, event_figures, read_as, statement_at
from marked import report

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report, Span
from inference.actors import load_actors
from inference.facts import FactReader
from inference.places import load_gazetteer
from inference.statements import Statement, StatementReader, Tie, number_groups
from inference.statements.run import read_statements
from inference.statements.same_toll import TollKey, content_words, similarity
from inference.statements.sentences import LONGEST, find_sentences

GAZETTEER = load_gazetteer()


def rows_of(one: Report) -> list[Statement]:
    reader = FactReader(load_actors(), GAZETTEER)
    reader.learn(one)
    return StatementReader().read(reader.read(one))


def names(tie: Tie | None) -> list[str]:
    return [] if tie is None else [party.name for party in tie.parties]


def test_a_row_says_who_did_what_to_whom_where_and_how_many() -> None:
    one = report("قتلت [A:قسد] نحو [C:12 عنصراً] من [A:تنظيم داعش] في [L:الباغوز] أمس. ثم")
    one = replace(one, fields={"date": "2021-05-04", "source": "s"})
    (row,) = rows_of(one)
    assert (row.id, row.report, row.source) == ("r:13", "r", "s")
    assert row.report_day == datetime.date(2021, 5, 4)
    assert one.text[row.start : row.end] == row.sentence
    assert row.sentence == "قتلت قسد نحو 12 عنصراً من تنظيم داعش في الباغوز أمس."
    assert row.who is not None
    assert [(party.name, party.id) for party in row.who.parties] == [
        ("قوات سوريا الديمقراطية", "sy-sdf")
    ]
    assert row.whom is not None
    assert [(party.name, party.id) for party in row.whom.parties] == [
        ("تنظيم الدولة الإسلامية", "is")
    ]
    assert row.where is not None
    assert [(party.name, party.id) for party in row.where.parties] == [("الباغوز", "SY-DY-baghuz")]
    assert row.day is not None
    assert row.day.first == datetime.date(2021, 5, 3)
    assert row.counts[0].fields["value"] == 12
    assert row.counts[0].fields["bound"] == "about"


def test_the_two_ends_of_a_range_are_one_row() -> None:
    (row,) = rows_of(report("قُتل بين [C:5] [C:و7 جنود] في [L:درعا]"))
    assert [span.start for span in row.counts] == [9, 11]
    assert row.counts[0].fields["minimum"] == 5
    assert row.counts[0].fields["maximum"] == 7
    assert names(row.where) == ["درعا"]


def test_parts_name_their_whole_and_take_its_ties() -> None:
    rows = rows_of(
        report(
            "اعتقلت [A:قسد] [C:12 شخصاً] في [L:منبج]، بينهم [C:3 نساء] [C:وطفلان]."
            " [C:أربعة] منهم أفرج عنهم"
        )
    )
    whole = rows[0].id
    assert [row.part_of for row in rows] == [None, whole, whole, whole]
    assert [names(row.who) for row in rows] == [["قوات سوريا الديمقراطية"]] * 4
    assert [names(row.where) for row in rows] == [["منبج"]] * 4


def test_what_is_before_of_a_total_is_the_part() -> None:
    first, second = rows_of(report("أفرج عن [C:سبعة] من أصل [C:20 معتقلاً] في [L:رومية]"))
    assert first.part_of == second.id
    assert second.part_of is None


def test_a_part_is_never_more_than_its_whole() -> None:
    rows = rows_of(report("قُتل [C:ثلاثة] وشارك بينهم [C:40] في التشييع"))
    assert [row.part_of for row in rows] == [None, None]


def test_every_count_has_a_row_and_one_that_cannot_be_read_says_why() -> None:
    ledger = Ledger()
    told = report("وردت أنباء عن [C:مقاتلين] قرب [L:الشدادي]")
    one = FactReader(load_actors(), GAZETTEER).read(told)
    (row,) = read_statements([one], ledger)
    assert row.counts[0].fields["reason"] == "may be a dual or a plural"
    assert names(row.where) == ["الشدادي"]
    assert ledger.repairs == {"number not read": 1}
    assert "r:14: number not read: 'مقاتلين' has a row without figures" in ledger.summary()[1]


def test_a_list_takes_place_where_its_head_says() -> None:
    rows = rows_of(report("[L:حلب]:\n\n- مقتل [C:3]\n- إصابة [C:5]\n\nانتهى: [C:8]"))
    assert [names(row.where) for row in rows] == [["حلب"], ["حلب"], []]
    assert [row.where is not None and row.where.rule for row in rows[:2]] == ["heading"] * 2
    assert [row.guessed for row in rows[:2]] == [["where"]] * 2


def test_larger_places_are_told_apart() -> None:
    (row,) = rows_of(report("قُتل [C:3] في [L:آفس] [L:بريف إدلب] [L:وحماة]، [L:وسراقب]"))
    assert names(row.where) == ["آفس", "سراقب"]
    assert [party.name for party in row.within] == ["ريف إدلب", "حماة"]


def test_sentences_end_at_stops_and_never_inside_a_span_or_at_an_initial() -> None:
    text = "قال د. سامر إن 2.5 مليون نزحوا. ثم عاد! [نص. نص] تم\n\nسطر"
    span = Span(text.index("نص."), text.index("] تم"), "ACTOR")
    found = [(text[s.start : s.end], s.line) for s in find_sentences(text, [span])]
    assert found == [
        ("قال د. سامر إن 2.5 مليون نزحوا.", 0),
        ("ثم عاد!", 0),
        ("[نص. نص] تم", 0),
        ("سطر", 2),
    ]


def test_a_text_without_stops_is_cut_at_blanks() -> None:
    text = "كلمة " * 2000
    sentences = list(find_sentences(text, []))
    assert all(s.end - s.start <= LONGEST for s in sentences)
    assert sum(text[s.start : s.end].count("كلمة") for s in sentences) == 2000


def test_ten_thousand_spans_are_read_in_pieces_of_bounded_size() -> None:
    # Each row holds a sentence of bounded length: the whole grows as the spans do.
    one = report("قتل [C:3] في [L:حلب] و" * 5000)
    assert one.spans is not None
    assert len(one.spans) == 10_000
    counted = tuple(
        replace(span, fields={"what": "killed", "bound": "exact", "value": 3}) for span in one.spans
    )
    rows = StatementReader().read(replace(one, spans=counted))
    assert len(rows) == 5000
    assert max(len(row.sentence) for row in rows) <= LONGEST
    assert sum(names(row.where) == ["حلب"] for row in rows) > 4900


def told(report_id: str, sentence: str, *, value: int = 5, place: str = "آفس", **more: Any) -> Any:
    """What of a statement is compared with others."""
    day = more.get("day", datetime.date(2021, 5, 4))
    where = (place,) if place else ()
    return TollKey(report_id, ("killed", value, value, value), where, day, sentence)


def groups(keys: Sequence[TollKey | None]) -> list[tuple[str, int] | None]:
    found = number_groups(keys)
    return [found.get(number) for number in range(len(keys))]


FIRST = "قُتل خمسة مدنيين بقصف مدفعي لقوات النظام على سوق بلدة آفس"
RETOLD = "مقتل 5 مدنيين في قصف مدفعي استهدف سوق البلدة"
OTHER = "وفاة خمسة أشخاص غرقاً أثناء السباحة"


def test_a_toll_told_by_several_reports_is_one_group() -> None:
    keys = [told("a", FIRST), told("b", OTHER), told("c", RETOLD), None]
    assert groups(keys) == [("toll-1", 2), None, ("toll-1", 2), None]


@pytest.mark.parametrize(
    "other",
    [
        told("b", RETOLD, value=6),
        told("b", RETOLD, place="سراقب"),
        told("b", RETOLD, day=datetime.date(2021, 5, 8)),
        told("b", RETOLD, day=None),
        told("b", OTHER),
    ],
)
def test_other_figures_places_days_or_words_are_another_toll(other: TollKey) -> None:
    assert groups([told("a", FIRST), other]) == [None, None]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("محافظة [L:حلب]", "مدينة [L:حلب]", False),
        ("مدينة [L:سراقب]", "[L:سراقب]", True),
        ("شرق [L:حلب]", "شرقي [L:حلب]", True),
        ("[L:شرق حلب]", "[L:غرب حلب]", False),
        ("[L:تل الرماد]", "[L:تل الرّماد]", True),
        ("[L:تل الرماد]", "[L:تل الزان]", False),
    ],
)
def test_a_place_is_the_same_by_its_id_and_what_is_said_of_it(
    first: str, second: str, same: bool
) -> None:
    told_by = [rows_of(report(f"قُتل [C:5 مدنيين] في {place}"))[0] for place in (first, second)]
    one, other = (TollKey.of(row) for row in told_by)
    assert one is not None
    assert other is not None
    assert (one.place == other.place) is same


def test_days_in_the_window_are_one_toll() -> None:
    assert groups([told("a", FIRST), told("b", RETOLD, day=datetime.date(2021, 5, 7))]) == [
        ("toll-1", 2),
        ("toll-1", 2),
    ]


def test_repeats_in_one_report_are_a_group_of_one_report() -> None:
    assert groups([told("a", FIRST), told("a", RETOLD)]) == [("toll-1", 1)] * 2


def test_without_a_place_only_near_duplicates_are_one_toll() -> None:
    assert groups([told("a", FIRST, place=""), told("b", RETOLD, place="")]) == [None, None]
    assert groups([told("a", FIRST, place=""), told("b", FIRST, place="")]) == [("toll-1", 2)] * 2


def test_a_story_copied_by_very_many_is_one_group() -> None:
    keys = [told(str(n), f"{FIRST} نقلاً عن المصدر رقم {n}") for n in range(600)]
    assert set(number_groups(keys).values()) == {("toll-1", 600)}


def test_similarity_counts_words_without_numbers_and_clitics() -> None:
    assert content_words("وقُتل 5 من المدنيين في البلدة") == {"قتل", "مدنيين", "بلده"}
    assert similarity(content_words(FIRST), content_words(RETOLD)) >= 0.5
    assert similarity(frozenset("اب"), frozenset("اب")) == 0.0, "too few words to tell"


@pytest.fixture(scope="module")
def sample() -> dict[str, Report]:
    """The reports of the checked rows, with their facts."""
    wanted = {row["report"] for row in [*checked(), *checked(EVENT_SAMPLE)]}
    reports = Ledger().sort(read_records([HOME / CORPUS]))
    reader = FactReader(load_actors(), GAZETTEER)
    return {one.id: reader.read(one) for one in reports if one.id in wanted}


@pytest.mark.parametrize(
    ("column", "precision", "recall"),
    [("who", 0.93, 0.75), ("whom", 0.94, 0.86), ("where", 0.83, 0.75)],
)
def test_checked_rows_of_the_corpus_are_read_as_by_hand(
    sample: dict[str, Report], column: str, precision: float, recall: float
) -> None:
    rows = checked()
    assert len(rows) == 150
    right = given = there = 0
    for row in rows:
        if row[column] == "?":
            continue
        statement = statement_at(sample[row["report"]], int(row["start"]))
        found = read_as(getattr(statement, column))
        given += found != "-"
        there += row[column] != "-"
        right += found == row[column] != "-"
    assert right / given >= precision, f"{right} of {given}"
    assert right / there >= recall, f"{right} of {there}"


@pytest.mark.parametrize(
    ("column", "precision", "fewest"),
    [("what", 1.0, 85), ("who", 0.98, 50), ("whom", 0.98, 40), ("where", 0.87, 70)],
)
def test_checked_events_of_the_corpus_say_what_they_should(
    sample: dict[str, Report], column: str, precision: float, fewest: int
) -> None:
    assert len(checked(EVENT_SAMPLE)) == 92
    given, wrong = event_figures(sample, column)
    assert given >= fewest
    assert 1 - len(wrong) / given >= precision, wrong


def test_a_verb_with_a_number_has_no_row_of_its_own() -> None:
    rows = rows_of(report("اعتقلت [A:قسد] [C:5 شبان] في [L:منبج] وداهمت مقراً [A:للأسايش]"))
    assert [(row.id, row.figures["what"]) for row in rows] == [
        ("r:11", "detained"),
        (f"r:{rows[1].at}", "operations"),
    ]
    assert rows[1].event is not None
    assert rows[1].event.text == "وداهمت"


def test_a_report_without_numbers_has_its_events_and_no_group() -> None:
    one = report("قصفت [A:قسد] مواقع [A:للجيش الوطني] في [L:مارع]. " * 2)
    read = FactReader(load_actors(), GAZETTEER).read(one)
    rows = list(read_statements([read, replace(read, id="s")], Ledger()))
    assert [row.id for row in rows] == ["r:0", "r:37", "s:0", "s:37"]
    assert {row.group for row in rows} == {None}
    assert {row.figures["what"] for row in rows} == {"strikes"}


def test_a_report_of_places_alone_has_no_row() -> None:
    assert rows_of(report("قصف على [L:مارع] وانسحاب من [L:تل رفعت]")) == []

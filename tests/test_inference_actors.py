"""Names and the parties of a table: what matches how, what does not, and who is left unknown."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.bundled import CORPUS
from annotation.formats import read_records
from annotation.report import Report
from inference.actors import Actor, ActorMatcher, Clusters, load_actors
from inference.actors.clusters import short_forms
from inference.actors.heads import without_head
from inference.facts import FactReader
from inference.names.letters import name_words

CHECKED = Path(__file__).parent / "actors_checked.csv"
"""300 ACTOR spans of the bundled corpus, drawn once, and the party of the table that a person who
reads the report takes each for; empty where it is none."""
AGAIN = CHECKED.with_name("actors_checked_again.csv")
"""300 others, read when the table was made, before it was looked up in it."""
OURS = load_actors()
MATCHER = ActorMatcher(OURS)


@pytest.mark.parametrize(
    ("name", "actor_id", "how"),
    [
        ("قسد", "sy-sdf", "exact"),
        ("قوات سوريا الديمقراطية", "sy-sdf", "exact"),
        ("PKK", "pkk", "exact"),
        # hamza, ya, ta marbuta, diacritics, tatweel, article, marks, blanks, digits, breakers
        ("الادارة الذاتية", "sy-aanes", "normalised"),
        ("التحالف الدولى", "coalition", "normalised"),
        ("فرقه الحمزه", "sy-hamza", "normalised"),
        ("حِزبُ الله", "lb-hezbollah", "normalised"),
        ("تنظيـــم الدولة", "is", "normalised"),
        ("حوثيين", "ye-houthi", "normalised"),
        ('تنظيم "داعش"', "is", "normalised"),
        ("قوات سوريا الديموقراطيّة", "sy-sdf", "normalised"),
        ("الخوذ_البيضاء", "sy-white-helmets", "normalised"),
        ("الفرقة ٢٥", "sy-tiger-forces", "normalised"),
        ("داعـ.ـش", "is", "normalised"),
        ("حزبالله", "lb-hezbollah", "normalised"),
        ("القوات الأميركية", "us-army", "normalised"),
        # another head noun, one too many, none
        ("ميليشيا لواء القدس", "sy-liwa-quds", "head"),
        ("مسلحي داعش", "is", "head"),
        ("السلطان سليمان شاه", "sy-amshat", "exact"),
        ("فصيل السلطان سليمان شاه", "sy-amshat", "head"),
        ("قبيلتي العكيدات", "sy-akidat", "head"),
        ("رجال الكرامة", "sy-rijal-karama", "exact"),
        # a slip of the pen
        ("قوات سوريا الديمقرطية", "sy-sdf", "fuzzy"),
        ("هيئة تحريير الشام", "sy-hts", "fuzzy"),
        ("اليونيفييل", "un-unifil", "fuzzy"),
        ("المنظمه الدوليه للهجره", "un-iom", "normalised"),
    ],
)
def test_a_name_is_matched_with_a_party(name: str, actor_id: str, how: str) -> None:
    match = MATCHER.match(name)
    assert match.actor is not None
    assert (match.actor.id, match.how) == (actor_id, how)
    assert (match.similarity is not None) == (how == "fuzzy")


@pytest.mark.parametrize(
    "name",
    [
        # What differs is another word, and no slip.
        *("الحكومة البوسنية", "القوات المسلحة الملكية", "وزارة الدفاع الرواندية", "طالباني"),
        *("الفرقة 26", "الفيلق السادس", "الهلال الأحمر السنغالي", "يوناميد", "الجيش اليوناني"),
        # A head noun alone does not make another's name one's own.
        *("لواء النصر", "قوات تركيا", "سرايا القدس الجديدة", "الفتح", "القدس"),
        # Nothing to go by.
        *("سامر الأحمد", "كتيبة", "؟"),
    ],
)
def test_another_name_is_unknown(name: str) -> None:
    match = MATCHER.match(name)
    assert (match.how, match.actor, match.candidates) == ("unknown", None, ())


@pytest.mark.parametrize("actor", OURS, ids=[actor.id for actor in OURS])
def test_every_name_of_the_table_finds_its_party(actor: Actor) -> None:
    date = actor.valid_from or actor.valid_to or None
    for name in (actor.name_ar, *actor.aliases):
        match = MATCHER.match(name, date)
        assert (match.how, match.actor) == ("exact", actor), name
    for name in actor.shared_aliases:
        match = MATCHER.match(name)
        assert match.how == "ambiguous"
        assert actor in match.candidates


def test_several_candidates_are_told_and_settled_by_what_the_report_names() -> None:
    match = MATCHER.match("وزارة الدفاع")
    assert match.actor is None
    assert [actor.id for actor in match.candidates] == ["sy-mod", "iq-mod", "tr-mod", "ru-mod"]

    def settled(*named: str) -> tuple[str, str | None]:
        match = MATCHER.match("وزارة الدفاع", named=named)
        return match.how, match.actor.id if match.actor else None

    assert settled("tr-mod", "sy-sdf", "sy") == ("report", "tr-mod")
    assert settled("tr-mod", "iq-mod") == ("ambiguous", None)
    assert settled("iq", "iq-army", "fr") == ("company", "iq-mod")
    assert settled("iq", "fr") == ("ambiguous", None), "one is no company"
    assert settled("iq", "iq-army", "tr") == ("ambiguous", None)


def test_the_date_of_a_report_leaves_those_that_were_there() -> None:
    both = MATCHER.match("الجيش السوري")
    assert both.how == "ambiguous"
    assert {actor.id for actor in both.candidates} == {"sy-army", "sy-assad-forces"}
    for date, there in (("2015-06-01", "sy-assad-forces"), ("2025-06-01", "sy-army")):
        match = MATCHER.match("الجيش السوري", date)
        assert match.actor is not None
        assert (match.how, match.actor.id) == ("date", there)
        assert match.candidates == both.candidates


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "date", "there"),
    [
        ("", "", "1900-01-01", True),
        ("2014", "", "2014-01-01", True),
        ("2014", "", "2013-12-31", False),
        ("2014-06", "", "2014-06-01", True),
        ("2014-06-29", "", "2014-06-28", False),
        ("", "2014", "2014-12-31", True),
        ("", "2014-06", "2014-07-01", False),
        ("", "2014-06-29", "2014-06-29", True),
    ],
)
def test_dates_of_any_precision_hold_all_their_days(
    valid_from: str, valid_to: str, date: str, there: bool
) -> None:
    actor = Actor("x", "حزب", "", "party", valid_from=valid_from, valid_to=valid_to)
    assert actor.is_valid(date) is there


@given(st.sampled_from([actor.name_ar for actor in OURS]), st.data())
def test_a_letter_written_twice_never_makes_another_party_of_a_long_name(
    name: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    match = MATCHER.match(name[:at] + name[at] + name[at:])
    if match.actor is not None:
        assert name in (match.actor.name_ar, *match.actor.aliases)


# Unknown parties


def ids(*names: str) -> list[str]:
    clusters = Clusters()
    return [clusters.of(name).id for name in names]


def test_spellings_of_an_unknown_party_fall_together_and_others_do_not() -> None:
    assert (
        ids("حركة أبناء السهل", "حركة ابناء السهل", "أبناء السهل", "حركةُ أبناءِ السّهل")
        == ["unknown-1"] * 4
    )
    assert ids("كتيبة صقور الزيتون", "كتيبة صقور الزيتوون") == ["unknown-1"] * 2
    assert ids("لواء النخيل", "النخيل", "كتيبة النخيل") == ["unknown-1", "unknown-1", "unknown-2"]
    assert ids("اللواء 52", "اللواء 53", "اللواء ٥٢") == ["unknown-1", "unknown-2", "unknown-1"]
    assert ids("الفرقة السابعة", "الفرقة الرابعة عشرة", "الفرقة السابعة عشرة") == [
        f"unknown-{n}" for n in (1, 2, 3)
    ]
    assert ids("السفارة السورية", "السفارة السويسرية") == ["unknown-1", "unknown-2"]
    assert ids("سامر الحمود", "سامر الحميد") == ["unknown-1", "unknown-2"]


def test_a_cluster_is_named_as_it_was_first_met() -> None:
    clusters = Clusters()
    assert clusters.of("حركة أبناء السهل").name == "حركة أبناء السهل"
    assert clusters.of("ابناء السهل").name == "حركة أبناء السهل"


def test_ids_depend_on_the_order_in_which_names_are_met_alone() -> None:
    names = [f"حركة {word}" for word in ("أمل السهل", "فجر الجبل", "نور الوادي", "أمل السهول")]
    assert ids(*names, *names) == ids(*names) * 2


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("سامر الحموي", {"سامر", "الحموي", "حموي"}),
        ("أم غسان", set()),
        ("أبو زينب الكرخي", {"الكرخي", "كرخي"}),
        ("حركة أبناء السهل", set()),
        ("سامر", set()),
    ],
)
def test_full_names_are_shortened_to_the_first_or_last(name: str, short: set[str]) -> None:
    assert short <= short_forms(name)
    assert bool(short) == bool(short_forms(name))


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("تنظيم داعش", ("داعش",)),
        ("لواء القدس", ("قدس",)),
        ("اللواء 52", ()),
        ("الفرقة الرابعة", ()),
        ("وزارة الدفاع", ()),
        ("لواء", ()),
    ],
)
def test_a_head_noun_comes_off_where_a_name_is_left(name: str, rest: tuple[str, ...]) -> None:
    assert without_head(name_words(name)) == rest


@pytest.mark.parametrize(("checked", "known", "recall"), [(CHECKED, 119, 0.85), (AGAIN, 150, 0.92)])
def test_on_the_bundled_corpus_parties_are_seldom_mistaken_and_most_are_found(
    checked: Path, known: int, recall: float
) -> None:
    with checked.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    assert {row["actor_id"] for row in rows} <= {"", *(actor.id for actor in OURS)}
    reports = {r.id: r for r in read_records([CORPUS]) if isinstance(r, Report)}
    reader = FactReader(OURS)
    for one in reports.values():
        reader.learn(one)
    read = {report_id: reader.read(one) for report_id, one in reports.items()}
    given = right = among = 0
    wrong = []
    for row in rows:
        spans = {(span.start, span.end): span for span in read[row["report"]].spans or ()}
        fields = spans[int(row["start"]), int(row["end"])].fields
        found, meant = fields["actor_id"], row["actor_id"]
        given += found is not None
        right += found is not None and found == meant
        among += bool(meant) and (found == meant or meant in fields.get("candidates", ()))
        if found not in (None, meant):
            wrong.append((row["text"], found, meant))
    there = sum(bool(row["actor_id"]) for row in rows)
    assert there == known
    assert right / given >= 0.97, wrong
    assert right / there >= recall
    assert among / there >= 0.95

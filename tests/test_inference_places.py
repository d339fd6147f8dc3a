"""Places that spans name: how names are taken apart, and what settles which place is meant."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked import report

from annotation.bundled import CORPUS
from annotation.formats import read_records
from annotation.report import Report
from inference.actors import load_actors
from inference.facts import FactReader
from inference.names import NameReader
from inference.names.letters import folded
from inference.places import Gazetteer, PlaceMatch, PlaceReader, load_gazetteer
from inference.places.directions import direction_at
from inference.places.index import open_index
from inference.places.phrase import read_phrase
from inference.places.surroundings import read_before

CHECKED = Path(__file__).parent / "places_checked.csv"
"""300 LOCATION spans of the bundled corpus, drawn once, each with the place of the gazetteer that a
person who reads the report takes it for, and its relation; empty where it is none, several with a
stroke between them where the report leaves open whether a division or its city is meant."""
GAZETTEER = load_gazetteer()
NAMES = NameReader((), GAZETTEER.names())
READER = PlaceReader(GAZETTEER)


def read(marked: str, *countries: str, reader: PlaceReader = READER) -> list[PlaceMatch]:
    """What is found of the LOCATION spans of a report, in their order."""
    one = report(marked)
    return list(reader.read(one, NAMES.read(one), countries).values())


def only(marked: str, *countries: str) -> tuple[str | None, str | None, str]:
    """The place, relation and way of the first LOCATION."""
    first = read(marked, *countries)[0]
    return first.place.id if first.place else None, first.relation, first.how


# One span


@pytest.mark.parametrize(
    ("marked", "place", "relation", "how"),
    [
        # spelling
        ("في [L:تدمر]", "SY-HI-palmyra", None, "exact"),
        ("في [L:الميادين]", "SY-DY-mayadin", None, "exact"),
        ("في [L:تلبيسه]", "SY-HI-talbiseh", None, "normalised"),
        ("في [L:تــدمُر]", "SY-HI-palmyra", None, "normalised"),
        ("[L:وبالميادين]", "SY-DY-mayadin", None, "exact"),
        ("[L:للقامشلي]", "SY-HA-qamishli", None, "exact"),
        ("في [L:عين_عيسى]", "SY-RA-ain-issa", None, "normalised"),
        ("في [L:Turkey]", "TR", None, "exact"),
        # directions, before and behind
        ("في [L:ريف حمص الشرقي]", "SY-HI", "countryside east", "relation"),
        ("[L:بريف سلمية الشرقي]", "SY-HM-salamiyah", "countryside east", "exact"),
        ("في [L:ريف محافظة إدلب الجنوبي]", "SY-ID", "countryside south", "kind"),
        ("في [L:ريف مدينة البوكمال]", "SY-DY-abu-kamal", "countryside", "exact"),
        ("في [L:ريف دمشق]", "SY-RD", None, "exact"),
        ("في [L:ريف دمشق الغربي]", "SY-RD", "west", "exact"),
        ("في [L:بادية الميادين]", "SY-DY-mayadin", "desert", "exact"),
        ("في [L:باديتي حمص]", "SY-HI", "desert", "relation"),
        ("[L:شمال غربي سوريا]", "SY", "northwest", "exact"),
        ("[L:شمال وغرب العراق]", "IQ", "north and west", "exact"),
        ("[L:جنوب شرق الموصل]", "IQ-NI-mosul", "southeast", "exact"),
        ("[L:أقصى شمال الكاميرون]", "CM", "far north", "exact"),
        ("[L:القلمون الغربي]", "SY-RD-qalamoun", "west", "exact"),
        ("[L:ريفي دير الزور الشرقي والغربي]", "SY-DY", "countryside east and west", "relation"),
        ("[L:الريف الشمالي للرقة]", "SY-RA", "countryside north", "relation"),
        ("[L:الشمال الشرقي من سوريا]", "SY", "northeast", "exact"),
        ("[L:سواحل ليبيا]", "LY", "coast", "exact"),
        # adjectives of countries
        ("[L:الأراضي السورية]", "SY", "territory", "normalised"),
        ("[L:الجنوب اللبناني]", "LB", "south", "normalised"),
        ("[L:الحدود السورية - الأردنية]", "SY", "border with JO", "normalised"),
        ("[L:شمال الأراضي الليبية]", "LY", "north territory", "normalised"),
        ("[L:البادية السورية]", "SY-HI-syrian-desert", None, "exact"),
        ("[L:الداخل السوداني]", "SD", "interior", "normalised"),
        # what is a name, though it looks like a relation
        ("في [L:شمال دارفور]", "SD-DN", None, "exact"),
        ("في [L:جنوب السودان]", "SS", None, "exact"),
        ("في [L:شرق الفرات]", "SY-HA-east-of-the-euphrates", None, "exact"),
        # surroundings
        ("في محيط [L:تدمر]", "SY-HI-palmyra", "around", "exact"),
        ("بالقرب من بلدة [L:السخنة]", "SY-HI-sukhnah", "near", "exact"),
        ("قرب [L:بادية السخنة]", "SY-HI-sukhnah", "near desert", "exact"),
        ("على أطراف مدينة [L:تلبيسة]", "SY-HI-talbiseh", "outskirts", "exact"),
        ("وبمحيط [L:تدمر]", "SY-HI-palmyra", "around", "exact"),
        ("تقريباً من [L:تدمر]", "SY-HI-palmyra", None, "exact"),
        ("في المحيط. [L:تدمر]", "SY-HI-palmyra", None, "exact"),
        # the noun before
        ("محافظة [L:حلب]", "SY-HL", None, "kind"),
        ("مدينة [L:كربلاء]", "IQ-KA-karbala", None, "kind"),
        ("بالعاصمة [L:تونس]", "TN-11-tunis", None, "kind"),
        ("مدينة [L:البعث]", "SY-QU-baath-city", None, "exact"),
        ("قضاء [L:سنجار]", "IQ-NI-sinjar", None, "exact"),
        # nothing tells
        ("في [L:حلب]", "SY-HL-aleppo", None, "nested"),
        ("في [L:تونس]", "TN", None, "nested"),
        # sites
        ("في [L:مخيم الهول]", "SY-HA-hol-camp", None, "exact"),
        ("[L:مخيمي الهول]", "SY-HA-hol-camp", None, "exact"),
        ("[L:سجن صيدنايا العسكري]", "SY-RD-saydnaya-prison", None, "exact"),
        ("[L:مطار القامشلي]", "SY-HA-qamishli", "site", "site"),
        ("[L:مطار مسقط الدولي]", "OM-muscat", "site", "site"),
        ("[L:بمشفى السلمية الوطني]", "SY-HM-salamiyah", "site", "site"),
    ],
)
def test_a_span_names_a_place(marked: str, place: str, relation: str | None, how: str) -> None:
    assert only(marked) == (place, relation, how)


@pytest.mark.parametrize(
    ("marked", "how", "candidates", "reason"),
    [
        ("في [L:تل الرماد]", "unknown", [], "has no place that is called تل الرماد"),
        ("حي [L:تدمر]", "unknown", [], "has no quarter that is called تدمر"),
        ("قرية [L:النخيل]", "unknown", [], "has no city or town that is called النخيل"),
        ("مقاطعة [L:الفرات]", "unknown", [], "has no place that is called الفرات"),
        ("في [L:الريف الغربي]", "unnamed", [], "without a name"),
        ("في [L:الصحراء]", "unnamed", [], "without a name"),
        ("[L:طريق تدمر - السخنة]", "road", ["SY-HI-palmyra", "SY-HI-sukhnah"], "no one point"),
        ("[L:طريق المطار]", "road", [], "no one point"),
        ("[L:مستشفى القدس]", "unknown", ["PS-JEM-jerusalem"], "nothing tells that it lies"),
        ("[L:سجن الكرامة]", "unknown", ["SY-RA-karamah"], "nothing tells that it lies"),
        ("في [L:الكرامة]", "unsupported", ["SY-RA-karamah"], "others are called so"),
    ],
)
def test_no_place_is_given_without_knowing(
    marked: str, how: str, candidates: list[str], reason: str
) -> None:
    (match,) = read(marked)
    assert (match.place, match.how) == (None, how)
    assert [place.id for place in match.candidates] == candidates
    assert match.reason is not None
    assert reason in match.reason.replace("other places", "others")


def test_a_match_has_a_place_or_a_reason_why_not() -> None:
    for match in read("في [L:حلب] و[L:تل الرماد] ثم [L:الصحراء] و[L:طريق حلب] و[L:طرابلس]"):
        assert (match.place is None) == (match.reason is not None)


# Several


@pytest.mark.parametrize(
    ("marked", "place", "how"),
    [
        # a chain of containment
        ("قرية [L:الطيبة] [L:بريف درعا الشرقي]، ثم [L:مرجعيون]", "SY-DR-taybah-daraa", "chain"),
        ("في [L:الطيبة] في [L:مرجعيون] قرب [L:درعا]", "LB-NA-taybeh-lebanon", "chain"),
        ("في [L:صيدا] شرق [L:درعا]", "SY-DR-saida-daraa", "within"),
        # a division or country that the report names
        ("[L:السوسة] و[L:هجين]", "SY-DY-susah", "within"),
        ("[L:سوسة] و[L:صفاقس]", "TN-51-sousse", "nested"),
        ("[L:طرابلس] بعد [L:مصراتة] و[L:بنغازي]", "LY-TB-tripoli-libya", "country"),
        ("[L:طرابلس] بعد [L:بيروت]", "LB-AS-tripoli-lebanon", "country"),
        ("[L:أريحا] و[L:نابلس]", "PS-JRH-jericho", "country"),
        ("[L:أريحا] و[L:سراقب]", "SY-ID-ariha", "within"),
        # marks tell the capital from the country
        ("في [L:عمّان]", "JO-AM-amman", "nested"),
        ("في [L:عُمان]", "OM", "exact"),
        ("من [L:الأردن] إلى [L:عمان]", "JO", "exact"),
    ],
)
def test_the_other_places_of_a_report_tell_which_is_meant(
    marked: str, place: str, how: str
) -> None:
    assert only(marked)[::2] == (place, how)


def test_of_two_places_of_a_name_none_is_taken_without_evidence() -> None:
    (match,) = read("انفجار في [L:طرابلس]")
    assert (match.place, match.how) == (None, "ambiguous")
    assert {place.country for place in match.candidates} == {"LB", "LY"}
    (match,) = read("انفجار في [L:طرابلس]", "LY")
    assert match.place is not None, "the parties of a report tell its country"
    assert (match.place.id, match.how) == ("LY-TB-tripoli-libya", "country")


def test_of_a_division_and_its_city_lists_and_chains_tell_which() -> None:
    def last(marked: str) -> tuple[str, str]:
        match = read(marked)[-1]
        assert match.place is not None
        return match.place.id, match.how

    assert last("في [L:نينوى] [L:وكركوك]") == ("IQ-KI", "company")
    assert last("[L:ريف دمشق] 12، [L:ودرعا] 9") == ("SY-DR", "company")
    assert last("في [L:الموصل] [L:وكركوك]") == ("IQ-KI-kirkuk", "nested")
    assert last("قتل رجل في [L:طفس] [L:بدرعا]") == ("SY-DR", "chain")
    assert last("في حي [L:غويران] [L:بالحسكة]") == ("SY-HA-hasakah", "chain")
    assert last("في بلدة [L:تل الرماد] [L:بدرعا]") == ("SY-DR", "chain")
    assert last("محافظتي [L:حلب] [L:وإدلب]") == ("SY-ID", "kind")
    assert last("في [L:ريفي حلب] [L:وإدلب]") == ("SY-ID", "relation")
    assert read("في [L:ريفي حلب] [L:وإدلب]")[1].relation == "countryside"


def test_a_place_is_not_put_where_the_text_does_not_put_it() -> None:
    (karmah, basra) = read("في منطقة [L:الكرمة] [L:شمال البصرة]")
    assert (karmah.place, karmah.how) == (None, "unsupported")
    assert [place.id for place in karmah.candidates] == ["IQ-AN-karmah"]
    assert basra.place is not None
    (taybah, _) = read("قرب قرية [L:الطيبة] [L:بريف حمص الشرقي]")
    assert (taybah.place, taybah.relation) == (None, "near")
    # Another sentence is no chain.
    assert only("في [L:السيدة زينب]\nو[L:طهران]")[0] == "SY-RD-sayyidah-zaynab"


def test_a_name_that_many_have_needs_the_report_to_be_about_its_country() -> None:
    assert only("في [L:الكرامة] و[L:الطبقة]")[0] == "SY-RA-karamah"
    assert only("في [L:الكرامة]", "SY")[0] == "SY-RA-karamah"
    assert only("في [L:الكرامة] و[L:نواكشوط]")[0] is None
    assert only("في [L:الكرامة] ثم في [L:الكرامة] و[L:نواكشوط]")[0] is None, "no name backs itself"
    assert only("في [L:الكرامة] و[L:درعا]")[0] is None, "it is near no other place of the report"
    assert only("في [L:الكرامة] من [L:سوريا]")[0] == "SY-RA-karamah"
    assert only("ناحية [L:الرياض] و[L:كركوك]")[0] is None, "a town of Iraq is called so"
    assert only("من [L:الرياض] إلى [L:كركوك]")[0] == "SA-01-riyadh"


def test_a_doubtful_site_needs_its_place_in_the_report() -> None:
    assert only("[L:مستشفى القدس] في [L:القدس]")[0] == "PS-JEM-jerusalem"
    assert only("[L:مستشفى القدس] في [L:غزة]")[0] is None
    assert only("[L:سوق سرمدا] و[L:الدانا]")[0] == "SY-ID-sarmada", "a market has the town's name"


@given(st.permutations(["[L:طرابلس]", "[L:مصراتة]", "[L:السوسة]", "[L:هجين]", "[L:بنغازي]"]))
def test_the_order_of_what_a_report_names_does_not_matter(names: list[str]) -> None:
    matches = read(" ثم قال عن ".join(names))
    assert {match.place.id for match in matches if match.place} == {
        *("LY-TB-tripoli-libya", "LY-MI-misrata", "LY-BA-benghazi"),
        *("SY-DY-susah", "SY-DY-hajin"),
    }


def test_places_are_settled_by_distance_where_countries_do_not_tell(tmp_path: Path) -> None:
    rows = [
        "id,name_ar,level,country,latitude,longitude",
        "a,النخيل,town,SY,36.8,40.0",
        "b,النخيل,town,SY,32.6,36.1",
        "c,السنديان,town,SY,32.7,36.0",
        "d,الزيتون,town,SY,34.7,38.0",
    ]
    path = tmp_path / "ours.csv"
    path.write_text("\n".join(rows), "utf-8")
    reader = PlaceReader(Gazetteer([open_index(path)]))
    near, _ = read("[L:النخيل] ثم [L:السنديان]", reader=reader)
    assert near.place is not None
    assert (near.place.id, near.how) == ("b", "distance")
    between, _ = read("[L:النخيل] ثم [L:الزيتون]", reader=reader)
    assert (between.place, between.how) == (None, "ambiguous")


def test_words_of_places_are_not_found_in_other_names() -> None:
    one = report("قال [A:فرقان أوغلو] في [L:برقان] إن")
    person, place = NameReader((), ["رقان"]).read(one)
    assert person is not None
    assert place is not None
    assert (person.name, place.name) == ("فرقان أوغلو", "رقان")


def test_a_large_city_goes_before_villages_of_its_name(tmp_path: Path) -> None:
    rows = []
    for number, (kind, country, population) in enumerate(
        [("PPLA", "SY", 2_000_000), ("PPL", "SY", 300), ("PPL", "IQ", 0)]
    ):
        point = f"{36.2 - number}\t{37.16 + number * 3}"
        cells = f"{number}\tHalab\tHalab\tحلب\t{point}\tP\t{kind}\t{country}\t\t0{number + 1}"
        rows.append(f"{cells}\t\t\t\t{population}\t\t0\tAsia/Damascus\t2024-01-01\n")
    path = tmp_path / "SY.txt"
    path.write_text("".join(rows), "utf-8")
    (match,) = read("في [L:حلب]", reader=PlaceReader(load_gazetteer([path])))
    assert match.place is not None
    assert (match.place.id, match.how) == ("0", "prominent")
    assert len(match.candidates) == 3


# The parts


@pytest.mark.parametrize(
    ("words", "count", "said"),
    [
        ("شمال", 1, "north"),
        ("شمال شرق حلب", 2, "northeast"),
        ("غربي شمالي حلب", 2, "northwest"),
        ("شمال وشرق وجنوب حلب", 3, "north and east and south"),
        ("شمال غرب وشرق حلب", 3, "northwest and east"),
        ("وسط حلب", 1, "centre"),
        ("حلب", 0, ""),
        ("شمالية", 0, ""),
    ],
)
def test_directions_are_read(words: str, count: int, said: str) -> None:
    assert direction_at([folded(word) for word in words.split()], 0) == (count, said)


@pytest.mark.parametrize(
    ("before", "noun", "relation"),
    [
        ("في ", None, None),
        ("في محيط قرية ", "قرية", "around"),
        ("وبالقرب من مدينة ", "مدينة", "near"),
        ("على مقربة من ", None, "near"),
        ("في ضواحي ", None, "outskirts"),
        ("وعلى محاور ", None, "front"),
        ("بمحافظة ", "محافظة", None),
        ("خرج من ", None, None),
        ("في المحيط، قرية ", "قرية", None),
        ("", None, None),
    ],
)
def test_what_stands_before_a_name_is_read(
    before: str, noun: str | None, relation: str | None
) -> None:
    said = read_before(f"{before}النخيل", len(before))
    assert (said.kind and said.kind.noun, said.relation) == (noun, relation)


@given(st.text(max_size=60))
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert read_phrase(text).readings[0].text == text


@given(st.text(alphabet="شمالريفحوةبق -–\nـ،()", min_size=1, max_size=30))
def test_any_span_gets_a_place_or_a_reason(name: str) -> None:
    if name.strip():
        (match,) = read(f"[L:{name}]")
        assert (match.place is None) == (match.reason is not None)


# The bundled corpus


@pytest.fixture(scope="module")
def corpus() -> dict[str, Report]:
    """The reports of the bundled corpus with their facts, by id."""
    reports = [one for one in read_records([CORPUS]) if isinstance(one, Report)]
    reader = FactReader(load_actors(), GAZETTEER)
    for one in reports:
        reader.learn(one)
    return {one.id: reader.read(one) for one in reports}


def test_on_the_bundled_corpus_places_are_seldom_mistaken_and_most_are_found(
    corpus: dict[str, Report],
) -> None:
    with CHECKED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    given = right = related = 0
    wrong = []
    for row in rows:
        spans = {(span.start, span.end): span for span in corpus[row["report"]].spans or ()}
        fields = spans[int(row["start"]), int(row["end"])].fields
        found, meant = fields["place_id"], row["place_id"].split("|")
        given += found is not None
        right += found is not None and found in meant
        related += (fields["relation"] or "") == row["relation"]
        if found is not None and found not in meant:
            wrong.append((row["text"], found, row["place_id"]))
    there = sum(bool(row["place_id"]) for row in rows)
    assert there == 201
    assert right / given >= 0.97, wrong
    assert right / there >= 0.94
    assert related / len(rows) >= 0.99


def test_countries_and_divisions_of_the_corpus_are_found(corpus: dict[str, Report]) -> None:
    named = {}
    for name in GAZETTEER.names():
        found = GAZETTEER.lookup(name)
        is_office = len(found) == 1 and found[0].place.level in ("country", "division")
        if is_office and not found[0].shared:
            named[name] = found[0].place.id
    met = 0
    for one in corpus.values():
        for span in one.spans or ():
            if span.label == "LOCATION" and span.fields["name"] in named:
                met += 1
                assert span.fields["place_id"] == named[span.fields["name"]], (one.id, span)
                assert span.fields["latitude"] is not None
    assert met > 500


def test_every_location_of_the_corpus_has_a_place_or_a_reason(corpus: dict[str, Report]) -> None:
    places = reasons = 0
    for one in corpus.values():
        for span in one.spans or ():
            if span.label == "LOCATION":
                fields = span.fields
                values = [fields[key] for key in ("place", "latitude", "longitude", "level")]
                assert all((value is None) == (fields["place_id"] is None) for value in values)
                assert ("reason" in fields) == (fields["place_id"] is None)
                places += fields["place_id"] is not None
                reasons += fields["place_id"] is None
    assert places + reasons == 7_484
    assert places > 4_700

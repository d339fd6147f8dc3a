"""Bare names: proclitics come off, and never a letter of the name with them."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked import report

from annotation.bundled import CORPUS
from annotation.formats import read_records
from annotation.report import Report, Span
from inference.actors import ActorMatcher, load_actors
from inference.names import BareName, NameReader
from inference.names.known_words import KNOWN_WORDS, known_words
from inference.names.letters import folded, name_key, name_words
from inference.names.proclitics import PREFIXES, attach, detach

CHECKED = Path(__file__).parent / "names_checked.csv"
"""300 spans of the bundled corpus that begin with و ف ب ل ك, drawn once, and what a reader says."""
AGAIN = CHECKED.with_name("names_checked_again.csv")
"""300 others, none of which was looked at when the rules were made."""
TABLE = tuple(ActorMatcher(load_actors()).names())


def read(marked: str, *run: str, names: tuple[str, ...] = TABLE) -> list[BareName | None]:
    reader = NameReader(names)
    for other in (marked, *run):
        reader.learn(report(other))
    return reader.read(report(marked))


def names(marked: str, *run: str) -> list[str]:
    return [name.name for name in read(marked, *run) if name]


@pytest.mark.parametrize(
    ("marked", "proclitics", "name", "evidence"),
    [
        # The letter is none of the five.
        ("دخلت [L:حلب]", "", "حلب", "letter"),
        # The table knows the whole name.
        ("أعلنت [A:وقسد]", "و", "قسد", "table"),
        ("هجوم [A:لداعش]", "ل", "داعش", "table"),
        ("بيان [A:للتحالف الدولي]", "ل", "التحالف الدولي", "table"),
        ("بيان [A:وللتحالف الدولي]", "ول", "التحالف الدولي", "table"),
        ("بيان [A:للجنة الدولية للصليب الأحمر]", "ل", "اللجنة الدولية للصليب الأحمر", "table"),
        ("قتلى [A:لحزب الله]", "ل", "حزب الله", "table"),
        ("قالت [A:بغداد]", "", "بغداد", "table"),
        ("قالت [A:وواشنطن]", "و", "واشنطن", "table"),
        ("قالت [A:فبيروت]", "ف", "بيروت", "table"),
        ("خرج من [A:فرنسا]", "", "فرنسا", "table"),
        # The first word is known.
        ("هجوم [L:بريف دمشق]", "ب", "ريف دمشق", "word"),
        ("نهر [L:بوادي بردى]", "ب", "وادي بردى", "word"),
        ("قصف [L:وادي بردى]", "", "وادي بردى", "word"),
        ("نزوح [L:ووادي بردى]", "و", "وادي بردى", "word"),
        ("قصف [L:كركوك]", "", "كركوك", "word"),
        ("قصف [L:بكركوك]", "ب", "كركوك", "word"),
        ("لقاء [A:والي بغداد]", "", "والي بغداد", "word"),
        ("قصف [L:لبنان]", "", "لبنان", "table"),
        ("قصف [L:وللبنان]", "ول", "لبنان", "table"),
        ("أعلن [A:لواء النخيل]", "", "لواء النخيل", "word"),
        ("تابع [A:للواء النخيل]", "ل", "لواء النخيل", "word"),
        ("تابع [A:للواء 93]", "ل", "اللواء 93", "word"),
        ("تابع [A:للواء السابع]", "ل", "اللواء السابع", "word"),
        ("تابع [A:للجنة التحقيق في الحادث]", "ل", "لجنة التحقيق في الحادث", "word"),
        ("تابع [A:للجنة المحلية]", "ل", "اللجنة المحلية", "word"),
        ("رسالة [A:لوليد الشامي]", "ل", "وليد الشامي", "word"),
        ("بيان [A:وفراس الشامي]", "و", "فراس الشامي", "word"),
        # The article stands behind it.
        ("قصف [L:بالحويجة]", "ب", "الحويجة", "article"),
        ("قصف [L:وبالحويجة]", "وب", "الحويجة", "article"),
        ("طريق [L:للحويجة]", "ل", "الحويجة", "article"),
        ("طريق [L:وللحويجة]", "ول", "الحويجة", "article"),
        ("قصف [L:كالحويجة]", "ك", "الحويجة", "article"),
        # What stands before takes a bare name, or and joins two names.
        ("قصف في [L:بزيعون]", "", "بزيعون", "context"),
        ("قصف قرية [L:كزلون]", "", "كزلون", "context"),
        ("قصف بقرية [L:كزلون]", "", "كزلون", "context"),
        ("قصف قرية [L:كلميا]", "", "كلميا", "context"),
        ("قصف قرية [L:بريف حلب]", "ب", "ريف حلب", "word"),
        ("أفراد «[A:فجرين]»", "", "فجرين", "context"),
        ("قال [A:ورسمان]", "", "ورسمان", "context"),
        # Tatweel or another script sets it off.
        ("هجوم [A:لـرفاقون]", "ل", "رفاقون", "letter"),
        ("هجوم [A:وPKK]", "و", "PKK", "letter"),
        # Nothing tells.
        ("وصل [A:ويلسون]", "", "ويلسون", "word"),
        ("شوهد [L:بسفرون]", "", "بسفرون", "guess"),
        ("شوهد [L:ومرزون]", "و", "مرزون", "guess"),
        ("شوهد [L:ويزلون]", "", "ويزلون", "guess"),
        ("شوهد [L:ببسفرون]", "ب", "بسفرون", "guess"),
        ("شوهد [L:لمرزون]", "ل", "مرزون", "guess"),
        ("شوهد [L:ليوزان]", "", "ليوزان", "guess"),
    ],
)
def test_a_name_is_read_and_says_on_what_evidence(
    marked: str, proclitics: str, name: str, evidence: str
) -> None:
    (found,) = read(marked)
    assert found is not None
    assert (found.proclitics, found.name, found.evidence) == (proclitics, name, evidence)


@pytest.mark.parametrize(
    "word",
    [
        *("وادي", "فرنسا", "بغداد", "لبنان", "كركوك", "والي", "وليد", "فاطمة", "بشار", "ليلى"),
        *("كمال", "لواء", "وزارة", "فرقة", "كتيبة", "برلمان", "ولاية", "والد", "باب", "كفر"),
    ],
)
def test_no_letter_of_a_name_is_eaten_whatever_stands_before_it(word: str) -> None:
    for before in ("", "في ", "ثم ", "و", "قال "):
        (found,) = read(f"{before}[L:{word} الشرقي]")
        assert found is not None
        assert (found.proclitics, found.name) == ("", f"{word} الشرقي")


def test_the_slice_is_the_raw_text_and_the_swallowed_alif_is_in_the_name_alone() -> None:
    marked = "سلّم الملف [A:وَلِلحويجةِ] ثم [L:بـالحويجة]"
    text = report(marked).text
    first, second = read(marked)
    assert first is not None
    assert second is not None
    assert text[first.start : first.end] == "لحويجةِ"
    assert (first.name, first.proclitics) == ("الحويجةِ", "ول")
    assert text[second.start : second.end] == second.name == "الحويجة"


def test_counts_have_no_bare_name() -> None:
    assert read("قتل [C:3] في [L:حلب]")[0] is None


def test_names_joined_by_and_lose_it() -> None:
    assert names("في [L:زورين] [L:وبزيعون] [L:ولمزون]") == ["زورين", "بزيعون", "لمزون"]
    assert names("في [L:زورين]، [L:وبزيعون]") == ["زورين", "بزيعون"]


def test_other_mentions_of_the_report_are_evidence_and_those_of_the_run_after_them() -> None:
    assert names("قصف في [L:بزيعون] وعاد إلى داره ثم هرب [L:لبزيعون]") == ["بزيعون", "بزيعون"]
    assert names("شوهد [L:بمرزون]") == ["بمرزون"]
    assert names("شوهد [L:بمرزون]", "وصل إلى [L:مرزون]") == ["مرزون"]
    assert names("شوهد [L:بمرزون]", "وصل إلى [L:بمرزون] [L:مرزون]", "من [L:بمرزون]") == ["بمرزون"]
    (run,) = read("شوهد [L:بمرزون]", "وصل إلى [L:مرزون]")
    assert run is not None
    assert run.evidence == "run"
    assert read("قال [A:زيد] إن [L:مرزون] شوهد [L:بمرزون]")[2].evidence == "report"  # type: ignore[union-attr]


def test_names_of_a_table_are_known_with_their_first_words() -> None:
    known = ("كسران", "بزلون الجديدة")
    found = [
        one.name if one else ""
        for one in read("شوهد [L:وكسران] [L:ببزلون الجديدة] و[L:كسران]", names=known)
    ]
    assert found == ["كسران", "بزلون الجديدة", "كسران"]


def test_every_name_of_the_table_comes_back_from_behind_every_proclitic() -> None:
    reader = NameReader(TABLE)
    wrong = set()
    arabic = [name for name in TABLE if "ء" <= name[0] <= "ي" and len(name.split()[0]) > 1]
    assert len(arabic) > 1200
    for name in arabic:
        for prefix in ("", *PREFIXES):
            covered = attach(prefix, name)
            (found,) = reader.read(Report("r", covered, (Span(0, len(covered), "ACTOR"),)))
            assert found is not None
            if found.name != name:
                wrong.add((prefix, name, found.name))
    assert not wrong


@given(st.sampled_from(PREFIXES), st.sampled_from(TABLE))
def test_what_is_attached_is_among_what_may_be_detached(prefix: str, name: str) -> None:
    word = name.split()[0]
    assert word in detach(attach(prefix, word), prefix, shortest=2) or len(word) < 2


@given(st.text('ابتثجحخدذرزسشصضطظعغفقكلمنهويءأإآةىئؤًٌَُِّـ ."»', max_size=30))
def test_any_span_gives_a_slice_of_itself(covered: str) -> None:
    text = f"قال {covered} ثم"
    if not covered:
        return
    span = Span(4, 4 + len(covered), "ACTOR")
    (found,) = NameReader(()).read(Report("r", text, (span,)))
    assert found is not None
    assert span.start <= found.start < found.end == span.end
    assert found.name in (
        text[found.start : found.end],
        *(swallowed + text[found.start : found.end] for swallowed in ("ا", "ال")),
    )


@pytest.mark.parametrize(
    "spellings",
    [
        ("إدلب", "ادلب", "إِدلـب", "أدلب"),
        (
            "الإدارة الذاتية",
            "الادارة الذاتيه",
            "إدارة ذاتية",
            "الإدارة_الذاتية",
            "«الإدارة» الذاتية",
        ),
        ("عبد الله", "عبدالله"),
        ("داعش", "داعـ.ـش", "د.ا.ع.ش", "داع*ش", "داعۦش"),
        ("الفرقة 25", "الفرقة ٢٥", "الفرقة ۲۵"),
        ("القوات الأميركية", "القوات الأمريكية"),
        ("لاجئ", "لاجي", "ﻻﺟﺊ"),
    ],
)
def test_spellings_of_one_name_have_one_key(spellings: tuple[str, ...]) -> None:
    assert len({name_key(one) for one in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("فتح", "الفتح"), ("الله", "له"), ("سوريا", "روسيا"), ("الفرقة 25", "الفرقة 17")],
)
def test_other_names_have_other_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_names_without_letters_have_no_words() -> None:
    assert name_words("«» ...") == ()


def test_the_known_words_are_words() -> None:
    assert len(known_words()) > 900
    assert all(word.isalpha() and word == folded(word) for word in known_words())
    for line in KNOWN_WORDS.read_text("utf-8").splitlines():
        words = line.partition("#")[0].split()
        assert len(words) == len(set(words)), line


@pytest.mark.parametrize("checked", [CHECKED, AGAIN])
def test_at_least_98_in_100_names_of_the_bundled_corpus_are_read_as_a_person_reads_them(
    checked: Path,
) -> None:
    with checked.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    assert all(row["text"][0] in "وفبلك" for row in rows)
    reports = {r.id: r for r in read_records([CORPUS]) if isinstance(r, Report)}
    reader = NameReader(TABLE)
    for one in reports.values():
        reader.learn(one)
    wrong = []
    for row in rows:
        of = reports[row["report"]]
        found = {(s.start, s.end): n for s, n in zip(of.spans or (), reader.read(of), strict=True)}
        name = found[int(row["start"]), int(row["end"])]
        assert name is not None
        assert of.text[int(row["start"]) : int(row["end"])] == row["text"]
        if (name.proclitics, name.name) != (row["proclitics"], row["name"]):
            wrong.append((row["text"], name.name))
    assert len(wrong) <= 6, wrong

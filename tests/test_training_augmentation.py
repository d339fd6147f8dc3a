"""Changed copies of reports: every span still marks what it marked, under another name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked import report
from tiny import invent_reports

from annotation.report import Report
from annotation.tags import spans_to_tags
from annotation.words import find_words
from training.augmentation.augment import augmented
from training.augmentation.clitics import CliticReader, attach
from training.augmentation.edits import Edit, edited
from training.augmentation.mentions import MentionSwapper
from training.augmentation.names import Names, our_names
from training.augmentation.noise import BREAKERS, FURNITURE, with_noise
from training.config import AugmentationSection

NAMES = Names(("سامر", "ليلى"), ("الحموي", "الدليمي"))


def mentions(of: Report) -> list[str]:
    return [of.text[span.start : span.end] for span in of.spans or ()]


def test_spans_move_and_grow_with_edits() -> None:
    before = report("قال [A:سامر] في [L:حلب] إن [C:3] قتلوا")
    actor, place, _ = before.spans or ()
    after = edited(
        before,
        [
            Edit(place.start, place.end, "دير الزور"),
            Edit(0, 0, "عاجل "),
            Edit(actor.start, actor.start, "#"),
            Edit(actor.start + 1, actor.start + 2, ""),
        ],
    )
    assert after.text == "عاجل قال #سمر في دير الزور إن 3 قتلوا"
    assert mentions(after) == ["سمر", "دير الزور", "3"]


@given(st.data())
def test_any_edits_outside_of_spans_leave_every_mention(data: st.DataObject) -> None:
    before = invent_reports(3)[data.draw(st.integers(0, 2))]
    held = {at for span in before.spans or () for at in range(span.start, span.end)}
    free = [at for at in range(len(before.text)) if at not in held]
    edits = [
        Edit(at, at + data.draw(st.integers(0, 1)), data.draw(st.text("xyz ", max_size=3)))
        for at in data.draw(st.lists(st.sampled_from(free), unique=True))
    ]
    assert mentions(edited(before, edits)) == mentions(before)


@pytest.mark.parametrize(
    ("word", "clitics", "base"),
    [
        ("بالرقة", "ب", "الرقة"),
        ("وللرقة", "ول", "الرقة"),
        ("ولبنان", "و", "لبنان"),
        ("لبنان", "", "لبنان"),
        ("حلب", "", "حلب"),
        ("وبحلب", "وب", "حلب"),
    ],
)
def test_proclitics_are_read_where_other_names_show_them(
    word: str, clitics: str, base: str
) -> None:
    reader = CliticReader(["الرقة", "حلب", "لبنان", "ولبنان", "وبحلب"])
    assert reader.read(word) == (clitics, base)
    assert attach(clitics, base) == word


def test_a_word_that_may_carry_a_proclitic_is_not_guessed() -> None:
    assert CliticReader(["حلب", "وسنجار"]).read("وسنجار") is None


def test_a_name_keeps_its_place_its_label_and_its_proclitics() -> None:
    before = report("دخلت [A:قسد] إلى [L:الرقة] ثم خرجت [A:وقسد] [L:بالرقة] و[C:12 جنديا]")
    other = report("[A:قسد] [A:وداعش] [A:داعش] [L:الرقة] [L:بالرقة] [L:الحسكة]")
    swapper = MentionSwapper([before, other], NAMES)
    seen = set()
    for seed in range(40):
        after = edited(before, swapper.swaps(before, 1.0, np.random.default_rng(seed)))
        actor, place, again, there, count = mentions(after)
        assert again == "و" + actor, "the same name twice stays the same name twice"
        assert there == "ب" + place
        assert count.split()[1] == "جنديا"
        assert count.split()[0].isdecimal()
        seen |= {actor, place}
    assert seen == {"قسد", "داعش", "الرقة", "الحسكة"}


def test_persons_get_persons_names() -> None:
    before = report("قال [A:سامر الأحمد] و[A:ليلى سامر الأحمد]")
    swapper = MentionSwapper([before], NAMES)
    swaps = swapper.swaps(before, 1.0, np.random.default_rng(0))
    for name in mentions(edited(before, swaps)):
        assert name.split()[0] in NAMES.first
        assert name.split()[-1] in NAMES.family


def test_known_places_and_parties_come_where_their_label_does() -> None:
    before = report("قصفت [A:وقسد] محيط [L:بالرقة] و[A:قسد] و[L:الرقة]")
    names = Names((), (), {"LOCATION": ["مأرب"], "ACTOR": ["درع الشمال"]})
    swapper = MentionSwapper([before], names)
    seen = set()
    for seed in range(40):
        party, place, *_ = mentions(
            edited(before, swapper.swaps(before, 1.0, np.random.default_rng(seed)))
        )
        seen |= {party, place}
    assert seen == {"وقسد", "ودرع الشمال", "بالرقة", "بمأرب"}


def test_a_place_at_the_end_of_a_name_is_changed_alone() -> None:
    before = report("دخلت [A:شرطة الرقة] [L:وريف الرقة] و[L:ريف] و[L:الرقة]")
    swapper = MentionSwapper([before], Names((), (), {"LOCATION": ["مأرب"]}))
    seen = set()
    for seed in range(60):
        party, place, *_ = mentions(
            edited(before, swapper.swaps(before, 1.0, np.random.default_rng(seed)))
        )
        seen |= {party, place}
    assert {"شرطة مأرب", "وريف مأرب"} <= seen
    assert "مأرب" not in seen, "a party stays a party"


def test_a_share_of_nothing_changes_nothing() -> None:
    reports = invent_reports(8)
    swapper = MentionSwapper(reports, NAMES)
    assert not [e for r in reports for e in swapper.swaps(r, 0.0, np.random.default_rng(0))]


@given(st.integers(0, 2**32))
def test_noise_leaves_spans_on_whole_words_of_the_same_names(seed: int) -> None:
    before = report(
        "أعلنت [A:وزارة الدفاع العراقية] في [L:ريف الرقة] مقتل [C:ثلاثة جنود] بيد [A:تنظيم داعش]\n"
        "ونزح أهالي [L:الحويجة الشرقية] نحو [L:البادية] مساء أمس، وفق مصادر محلية في القرية"
    )
    after = with_noise(before, np.random.default_rng(seed))
    for old, new in zip(mentions(before), mentions(after), strict=True):
        assert bare(new) == bare(old)
    tagging = spans_to_tags(find_words(after.text), after.spans or ())
    assert not tagging.moved
    assert not tagging.lost


def bare(name: str) -> str:
    """Without what noise changes."""
    for marks in (*BREAKERS, "_"):
        name = name.replace(marks, " " if marks == "_" else "")
    return name.translate(str.maketrans("أإآةىئؤ", "ااايييو".replace("يييو", "هييو")))


def test_noise_of_every_kind_comes() -> None:
    before = invent_reports(30)
    noisy = [with_noise(r, np.random.default_rng(n)).text for n, r in enumerate(before)]
    together = "\n".join(noisy)
    assert any(line in together for line in FURNITURE)
    assert "#" in together
    assert any(marks in together for marks in ("ـ.ـ", "ۦ", "*"))
    assert sum(len(text.split()) for text in noisy) != sum(len(r.text.split()) for r in before)


def test_copies_are_those_that_the_seed_decides() -> None:
    reports = invent_reports(10)
    settings = AugmentationSection(copies=2, mentions=0.7, noise=0.5)
    result = augmented(reports, settings, seed=1)
    assert result == augmented(reports, settings, seed=1)
    assert result != augmented(reports, settings, seed=2)
    assert result[:10] == reports
    assert len({r.id for r in result}) == 30
    assert [r.text for r in result[10:20]] != [r.text for r in reports]
    assert augmented(reports, AugmentationSection(), seed=1) == reports


def test_our_name_lists_are_names() -> None:
    names = our_names()
    for kind in (names.first, names.family, names.by_label["LOCATION"]):
        assert len(kind) == len(set(kind)) > 200
        assert all(name == name.strip() and name.replace(" ", "").isalpha() for name in kind)
    assert "قوات سوريا الديمقراطية" in names.by_label["ACTOR"]

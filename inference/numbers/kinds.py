"""Decides what a number counts, from its noun and from the verbs and nouns around it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from inference.numbers.bounds import STOPS
from inference.numbers.count import What
from inference.numbers.nouns import PERSONAL, kind_of
from inference.numbers.number_words import find_numeral
from inference.numbers.spelling import fold, words_of
from inference.numbers.tolls import FALLEN, noun_kind, toll_of

_LOOK_BACK = 26
_LOOK_AHEAD = 4
_NEAR = 3
_NEAR_RETURN = 6
_CLOSE = 7
_OF_PEOPLE = words_of("منهم منهن اخرين اخرون اخران بينهم وبينهم ومنهم")
_PEOPLE_BEFORE = words_of(
    "عددهم وعددهم عديدهم وعديدهم قوامهم وقوامهم عددهن وعددهن وهم بينهم وبينهم"
)
_OF_THINGS = words_of("منها بينها ومنها")
_KEEP_STATE = frozenset(("killed", "injured"))
_UNDONE = frozenset(("released", "returned"))
_BULLETS = frozenset("•*-–—\n▪●◾🔹:")
_ENDS_CLAUSE = words_of("بعد قبل خلال منذ عند عقب جراء اثر بسبب ضد مع في علي بينهم بينها مقابل")


_JOINED = words_of("مقتل قتل اصابه جرح اعتقال توقيف خطف اختطاف استشهاد وفاه بمقتل باصابه")
_SET_FREE = words_of("اطلاق باطلاق لاطلاق واطلاق")
PARENTS = words_of("اب ام والد والده لاب لام واب وام ووالد")
_DO_AWAY = frozenset(("القضاء", "بالقضاء", "والقضاء"))
_EVENTS = frozenset(("attacks", "operations", "strikes"))
_NO_NOUN = words_of(
    "في من علي الي فالي عن ثم او بين مع منهم منها بينهم بينها اخرين اخرون ومن وفي حتي"
    " خلال منذ قبل بعد بحسب ان كم ملم متر مترا كيلومتر كيلومترا دقيقه دقائق ساعه ساعات يوم"
    " يوما ايام شهر شهرا اشهر سنه سنوات عام عاما اعوام لم لن لا ما قد لكن كان كانت التي"
    " الذي الذين وهو وهي بالميه بالمايه الف الاف مليون لدي عند كانون تشرين ايلول نيسان"
    " ايار حزيران تموز اب اذار شباط"
)


def what_is_counted(noun: str | None, left: Sequence[str], right: Sequence[str]) -> What:
    """The kind of what is counted; `left` and `right` are the words around, nearest first."""
    if noun is None:
        return _of_bare_number(left, right)
    kind = kind_of(noun)
    if kind is None:
        kind = "people" if _looks_like_people(noun) else "other"
    if kind == "people":
        return _toll(left, right) or kind
    if kind in PERSONAL and kind not in _KEEP_STATE:
        return _undone(left) or kind
    return kind


def _looks_like_people(noun: str) -> bool:
    """A sound masculine plural, or an adjective of origin in the accusative."""
    folded = fold(noun)
    return len(folded) > 4 and folded.endswith(("ين", "ون", "يا")) and not folded.endswith("ايا")


def _undone(left: Sequence[str]) -> What | None:
    """What the verb right before makes of a state: الإفراج عن 12 معتقلاً, مقتل 5 أسرى."""
    for distance, word in enumerate(left[:_NEAR_RETURN]):
        if word in STOPS or word[0].isdecimal():
            return None
        toll = toll_of(word)
        if toll is not None:
            return toll if toll != "people" and (distance < _NEAR or toll in _UNDONE) else None
    return None


def _toll(left: Sequence[str], right: Sequence[str]) -> What | None:
    """What the verbs around say became of people."""
    if _dead_and_injured(right):
        return "people"
    before: What | None = None
    distance = 0
    for distance, word in enumerate(left[:_LOOK_BACK]):
        if word in STOPS:
            break
        before = _said(word)
        if before is None and distance == 0 and fold(word) in _SET_FREE:
            before = "released"
        if before is None and distance and fold(word) in _DO_AWAY and fold(left[0]) == "علي":
            before = "killed"
        if before is not None:
            break
    if before is None:
        return _toll_after(right)
    if before != "people" and distance < 2:
        return _mixed(left, distance, before)
    after = _toll_after(right)
    # What they did next tells no more of them than a verb close before (قُتل مع حارسيه حين أُطلقت).
    if after == "people" and distance < _CLOSE and toll_of(left[distance]) is not None:
        return before
    return after or before


def _mixed(left: Sequence[str], at: int, toll: What) -> What:
    """مقتل وإصابة 37: neither the dead nor the injured, but people."""
    if at + 1 < len(left) and left[at].startswith("و") and fold(left[at + 1]) in _JOINED:
        return "people"
    return toll


def _dead_and_injured(right: Sequence[str]) -> bool:
    """37 مدنياً بين قتيل وجريح."""
    return (
        len(right) > 2
        and fold(right[0]) == "بين"
        and right[2].startswith("و")
        and _said(right[1]) is not None
    )


@lru_cache(maxsize=65536)
def _said(word: str) -> What | None:
    """What a word before a number says of people: by its verb, or by a noun of their state."""
    toll = toll_of(word)
    if toll is not None:
        return toll
    if fold(word) in FALLEN:
        return "killed"
    kind = None if find_numeral(word) else noun_kind(word)
    return kind if kind in PERSONAL and kind != "people" else None


def _toll_after(right: Sequence[str]) -> What | None:
    for at, word in enumerate(right[:_LOOK_AHEAD]):
        folded = fold(word)
        if folded == "علي" and at + 1 < len(right) and fold(right[at + 1]) == "الاقل":
            continue
        if word in STOPS or word in "،,(:" or word[0].isdecimal() or folded in _ENDS_CLAUSE:
            return None
        toll = toll_of(word)
        if toll is not None:
            # قُتل 7 وجُرح 13: what و begins tells of the next number.
            goes_on = word[0] == "و" and toll_of(word[1:]) is not None
            return None if goes_on else toll
    return None


def _of_bare_number(left: Sequence[str], right: Sequence[str]) -> What:
    """The kind of a number alone: what is said of it, else what was counted or named before it."""
    hints = {fold(word) for word in right[:2]}
    if hints & _OF_PEOPLE or any(fold(word) in _PEOPLE_BEFORE for word in left[:2]):
        return _toll(left, right) or "people"
    things = bool(hints & _OF_THINGS)
    after = None if things else _toll_after(right)
    if after is not None and after != "people":
        return after
    before = _told_before(left, things)
    return "people" if before == "other" and after == "people" else before


def _told_before(left: Sequence[str], things: bool) -> What:
    """What a number alone takes up; `things` is whether منها says that it cannot be people."""
    beyond_line = things or (bool(left) and left[0] in _BULLETS)
    people = False
    event: What | None = None
    for at, word in enumerate(left):
        if word in STOPS:
            if word in ".؟?!" or (word == "\n" and not beyond_line):
                break
            continue
        said = None if things else _said(word)
        if said is not None:
            return said
        kind = _noun_before(word)
        if kind == "no noun":
            continue
        if kind in PERSONAL:
            people = people or not things
        elif _is_number_at(left, at + 1) and word[0].isalpha() and not _is_definite(word):
            # The noun of another number: 4 غارات على مصياف، و3 على الكسوة.
            return kind or ("people" if people else "other")
        elif kind in _EVENTS:
            event = event or kind
    if people:
        return "people"
    return event or "other"


@lru_cache(maxsize=65536)
def _noun_before(word: str) -> What | Literal["no noun"] | None:
    """The kind of a noun, none of one of no kind, or that the word is no noun."""
    if word[0].isdecimal() or find_numeral(word) is not None or fold(word) in _NO_NOUN:
        return "no noun"
    return noun_kind(word)


def _is_definite(word: str) -> bool:
    """Whether a word has its article, which a noun after its number has not (3 بالرصاص)."""
    return fold(word).startswith(("ال", "بال", "وال", "لل", "كال", "فال"))


def _is_number_at(left: Sequence[str], at: int) -> bool:
    if not 0 <= at < len(left):
        return False
    return left[at][0].isdecimal() or find_numeral(left[at]) is not None

"""Whether an event is told as one that happened, and where a verbal noun tells one."""

from inference.statements.event_words import (
    FOILED_WORDS,
    foils,
    is_negating,
    may_be,
    takes_back,
)
from inference.statements.lexicon import (
    ADMINISTRATIVE,
    PREPOSITIONS,
    TIME_WORDS,
    asserts,
    is_one_of,
)
from inference.statements.scene import QUOTES, Scene

_BEFORE_NOUN = 9
_LEADING = frozenset(("عاجل", "خاص", "فيديو", "بالفيديو", "صور", "متابعه", "هام"))
_JOINING = frozenset(("عن", "الي", "ان", "و"))


def is_told_as_fact(scene: Scene, at: int, is_past: bool | None) -> bool:
    """Whether nothing before the item denies it, supposes it, plans it or asks for it.

    What a verb tells of the past is no plan: only verbal nouns (`is_past` None) and presents are.
    """
    before = [item for item in scene.items[max(0, at - 3) : at] if item.kind == "word"]
    if before and is_negating(before[-1].word) and scene.items[at - 1] is before[-1]:
        return False
    if is_past is False and before and may_be(before[-1].word):
        return False
    for j in range(at - 1, -1, -1):
        if scene.is_hard_stop(j):
            return True
        item = scene.items[j]
        if item.kind != "word":
            continue
        if takes_back(item.word) or (not is_past and at - j <= FOILED_WORDS and foils(item.word)):
            return False
    return True


def opens(scene: Scene, at: int) -> bool:
    """Whether nothing but places, times and signs stands before the item in its clause."""
    for j in range(at - 1, -1, -1):
        item = scene.items[j]
        if scene.is_hard_stop(j) or item.raw in ("-", "–", "—"):
            return True
        if item.kind in ("ACTOR", "COUNT"):
            return False
        if item.kind == "word" and not (
            item.word in _LEADING
            or item.word.isdecimal()
            or item.word in ADMINISTRATIVE
            or is_one_of(item.word, TIME_WORDS)
        ):
            return False
    return True


def reports_noun(scene: Scene, at: int) -> bool:
    """Whether a verbal noun is what somebody reports, or what came of it.

    أعلنت قسد مقتل فلان, وثق المرصد اعتقال, أسفر القصف عن مقتل.
    """
    before = scene.items[at - 1] if at else None
    if before is None or (
        before.kind == "word"
        and is_one_of(before.word, PREPOSITIONS)
        and before.word not in _JOINING
    ):
        return False
    for j in range(at - 1, max(-1, at - _BEFORE_NOUN), -1):
        item = scene.items[j]
        if scene.is_hard_stop(j) or item.kind == "COUNT" or item.raw in ("،", ","):
            return False
        if item.kind != "word" or item.raw in QUOTES:
            continue
        if scene.roles[j] == "report":
            return asserts(item.word) and is_told_as_fact(scene, j, is_past=True)
        if scene.roles[j] == "cause":
            return scene.is_verb(j)
        if scene.roles[j] is not None:
            return False
    return False

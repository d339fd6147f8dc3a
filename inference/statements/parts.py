"""Numbers that are parts of others: 12 قتيلاً بينهم 3 أطفال, سبعة من أصل عشرين."""

from collections.abc import Sequence
from typing import NamedTuple

from inference.numbers.spelling import words_of
from inference.statements.lexicon import PARTS
from inference.statements.scene import QUOTES, Scene
from inference.statements.statement import Statement

_OF_TOLL = words_of(
    "القتلى الضحايا الجرحى المصابين المعتقلين الشهداء المفرج المخطوفين النازحين العدد العائدين"
)
_NEAR = 3


class Whole(NamedTuple):
    """What a number is a part of."""

    statement: Statement | None
    is_behind: bool = False
    """Whether it is the other way round: the number before is a part of this one."""


def find_whole(
    scene: Scene,
    at: int,
    placed: Sequence[tuple[int, Statement]],
    before: Sequence[Statement],
) -> Whole | None:
    """What the number at `at` is a part of, among those of its sentence and of the one before.

    `placed` are the sentence's numbers up to here, each with its item.
    """
    if placed and _is_total(scene, placed[-1][0], at):
        return Whole(None, is_behind=True)
    if not (_points_back_before(scene, at) or _points_back_behind(scene, at)):
        return _next_part(scene, at, placed, before)
    wholes = [one for _, one in placed] or list(before)
    for one in reversed(wholes):
        if one.part_of is None and _fits(one, scene, at):
            return Whole(one)
    return None


def _points_back_before(scene: Scene, at: int) -> bool:
    for j in range(at - 1, max(-1, at - 1 - _NEAR), -1):
        item = scene.items[j]
        if item.kind == "word":
            if item.word in PARTS:
                return True
            if scene.roles[j] is not None:
                return False
        elif item.kind != "sign" or item.raw not in QUOTES:
            return False
    return False


def _points_back_behind(scene: Scene, at: int) -> bool:
    words = [
        item.word if item.kind == "word" else "" for item in scene.items[at + 1 : at + 1 + _NEAR]
    ]
    if words and words[0] in PARTS:
        return True
    return len(words) > 1 and words[0] == "من" and (words[1] in PARTS or words[1] in _OF_TOLL)


def _is_total(scene: Scene, part: int, at: int) -> bool:
    """Whether من أصل, or من بين, stands right between two numbers."""
    words = [item.word for item in scene.items[part + 1 : at] if item.kind == "word"]
    return at - part <= 5 and words[-2:] in (["من", "اصل"], ["من", "بين"], ["من", "مجموع"])


def _next_part(
    scene: Scene, at: int, placed: Sequence[tuple[int, Statement]], before: Sequence[Statement]
) -> Whole | None:
    """The whole of the part right before, that و joins this one to: منهم 709 مدنيين، و588 من …"""
    if not placed or not scene.is_joined(at):
        return None
    last, statement = placed[-1]
    if statement.part_of is None:
        return None
    if any(scene.roles[j] is not None or scene.is_hard_stop(j) for j in range(last + 1, at)):
        return None
    known = {one.id: one for one in (*before, *(one for _, one in placed))}
    whole = known.get(statement.part_of)
    return None if whole is None else Whole(whole)


def _fits(whole: Statement, scene: Scene, at: int) -> bool:
    """Whether a part is not more than its whole, where both numbers are known."""
    span = scene.items[at].span
    assert span is not None
    part, total = span.fields.get("value"), whole.counts[0].fields.get("value")
    return not (isinstance(part, int) and isinstance(total, int) and part > total)

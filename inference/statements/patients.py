"""To whom it was done: the party of those counted, who was hit, or the counted themselves."""

from inference.numbers.tolls import noun_kind, toll_of
from inference.statements.agents import Found, deploys
from inference.statements.event_words import OF_PERSONS
from inference.statements.lexicon import EXPOSED, HOLDINGS, TARGETED, TOLLS, is_one_of
from inference.statements.members import members_after
from inference.statements.scene import DEED_KINDS, QUOTES, Scene

_UNDERGONE = OF_PERSONS | {"returned"}
"""Kinds whose counted are those to whom it was done."""
_PEOPLE = _UNDERGONE | {"people", "families"}
_TARGET_AHEAD = 14
_AIMED_WORDS = 4
"""Words between one of aiming and the party: على موقع عسكري لقسد."""


def find_patient(
    scene: Scene, at: int, governor: int | None, agents: tuple[int, ...]
) -> Found | None:
    """To whom it was done; None where nothing tells it. A `counted` tie names the number itself."""
    what = scene.what(at)
    members = members_after(scene, at) if what in _PEOPLE else ()
    does = _does_itself(scene, at, governor, agents)
    if members and not does:
        return members, "member", False
    lost = _losses(scene, at, governor)
    if lost:
        return lost, "losses", False
    if what not in _PEOPLE:
        aim = _target if what in DEED_KINDS else _owners
        target = aim(scene, at, governor, agents)
        return (target, "target", False) if target else None
    if what in _UNDERGONE or _is_object(scene, at, governor) or _is_toll(scene, at, governor):
        return (at,), "counted", False
    return None


def _does_itself(scene: Scene, at: int, governor: int | None, agents: tuple[int, ...]) -> bool:
    """Whether the counted people are those who did it: وصل 300 مقاتل من الحشد."""
    if scene.what(at) not in ("people", "vehicles") or governor is None:
        return False
    return scene.roles[governor] == "move" or (not agents and governor > at)


def acting_members(scene: Scene, at: int, governor: int | None) -> tuple[int, ...]:
    """The party of counted people who did it themselves."""
    if governor is None or not _does_itself(scene, at, governor, ()):
        return ()
    return members_after(scene, at)


def _losses(scene: Scene, at: int, governor: int | None) -> tuple[int, ...]:
    """Who lost the counted: خسرت قسد 5, تعرضت قسد لهجومين, عدد قتلى قسد إلى 6."""
    if governor is not None and governor < at:
        word = scene.items[governor].word
        if scene.roles[governor] == "lose" or is_one_of(word, EXPOSED):
            lost = scene.subject_after(governor) or scene.subject_before(governor)
            if lost and lost[0] < at:
                return lost
    for j in range(at - 1, max(-1, at - 26), -1):
        item = scene.items[j]
        if item.kind == "COUNT" or scene.is_hard_stop(j):
            return ()
        if item.kind == "word" and is_one_of(item.word, TOLLS):
            following = scene.items[j + 1]
            return scene.joined_actors(j + 1) if following.kind == "ACTOR" and j + 1 < at else ()
    return ()


def _target(
    scene: Scene, at: int, governor: int | None, agents: tuple[int, ...]
) -> tuple[int, ...]:
    """Against whom: ضد قسد, على مواقع لقسد, استهدفت قسد; else whose positions were hit before."""
    behind = aimed_at(scene, range(at + 1, min(len(scene.items), at + _TARGET_AHEAD)), agents)
    if behind or governor is None or governor > at:
        return behind
    return aimed_at(scene, range(governor + 1, at), agents)


def aimed_at(scene: Scene, places: range, agents: tuple[int, ...]) -> tuple[int, ...]:
    """The first actor that a word of aiming stands before, or a word for what is its own."""
    aimed = 0
    for j in places:
        item = scene.items[j]
        if item.kind == "ACTOR" and aimed and j not in agents:
            return scene.joined_actors(j)
        if item.kind in ("COUNT", "LOCATION") or scene.is_hard_stop(j) or scene.is_break(j):
            break
        if item.kind != "word":
            continue
        if item.word in TARGETED or is_one_of(item.word, HOLDINGS):
            aimed = _AIMED_WORDS
        else:
            aimed = max(0, aimed - 1)
    return ()


def _owners(
    scene: Scene, at: int, governor: int | None, agents: tuple[int, ...]
) -> tuple[int, ...]:
    """Whose things they are that were destroyed or taken: دمر ثلاث آليات للنظام."""
    if scene.what(at) not in ("vehicles", "buildings", "weapons") or governor is None:
        return ()
    if scene.roles[governor] not in ("act", "act_noun", "undergo", "undergo_noun", "cause"):
        return ()
    for j in range(at + 1, min(len(scene.items), at + 5)):
        item = scene.items[j]
        if item.kind == "ACTOR":
            owned = item.proclitics == "ل" and j not in agents
            return scene.joined_actors(j) if owned else ()
        if item.kind != "word" and item.raw not in QUOTES:
            break
    return ()


def _is_object(scene: Scene, at: int, governor: int | None) -> bool:
    """Whether people of whom no state is told are those to whom a deed was done."""
    if governor is None or governor > at or deploys(scene, governor):
        return False
    role = scene.roles[governor]
    if role in ("undergo", "undergo_noun", "act_noun"):
        return True
    item = scene.items[at]
    # تسلمت عائلتان: in the nominative they are who did it.
    is_subject = item.word.endswith("ان") and at == governor + 1
    led_by_ba = item.proclitics not in ("", "و") or scene.items[at - 1].word.startswith("ب")
    return role == "act" and not is_subject and not led_by_ba


def _is_toll(scene: Scene, at: int, governor: int | None) -> bool:
    """Whether people are told as a toll in another way.

    37 بين قتيل وجريح, نزحت 300 عائلة, انفجر لغم بثلاثة.
    """
    words = [item.word for item in scene.items[at + 1 : at + 3]]
    if words[:1] == ["بين"] and noun_kind(words[-1]) in _UNDERGONE:
        return True
    if governor is not None and toll_of(scene.items[governor].raw) in _UNDERGONE:
        return True
    exploded = governor is not None and "نفجر" in scene.items[governor].word
    return exploded and scene.items[at].proclitics == "ب"

"""Events that a verbal noun tells: مقتل فلان برصاص قسد, اشتباكات بين قسد والجيش, قصف على نوى."""

from dataclasses import replace

from inference.statements.agents import Found, speaker_before
from inference.statements.event_clause import (
    Told,
    aimed_from,
    behind_word,
    doer_behind,
    has_number,
    has_place,
    is_warlike,
    object_from,
    opponent_from,
    patient_in,
)
from inference.statements.event_subjects import is_object_at
from inference.statements.event_words import (
    CLASHES,
    NEEDS_PLACE,
    SIMPLY_UNDERGONE,
    EventKind,
    deed_noun,
    object_noun,
)
from inference.statements.lexicon import RESPONSIBLE, bare_nouns, is_one_of
from inference.statements.noun_phrases import is_party, phrase_at
from inference.statements.realis import is_told_as_fact, opens, reports_noun
from inference.statements.scene import Scene

_BREAKING_OUT = frozenset(
    ("اندلعت", "دارت", "وقعت", "تجددت", "نشبت", "جرت", "شهدت", "اندلاع", "تدور")
)


def event_of_noun(scene: Scene, at: int) -> Told | None:
    """The event of a verbal noun that opens a clause, or that somebody reports."""
    word = scene.items[at].word
    if word in RESPONSIBLE and reports_noun(scene, at) and is_told_as_fact(scene, at, None):
        speaker = speaker_before(scene, at, of_own_deeds=True)
        return Told(at, "claim", who=(speaker, "speaker", False)) if speaker else None
    is_clash = any(stem in CLASHES for stem in bare_nouns(word))
    deed, undergone = deed_noun(word), object_noun(word)
    if not (is_clash or deed or undergone):
        return None
    breaks_out = is_clash and any(
        scene.items[j].word.lstrip("و") in _BREAKING_OUT for j in range(max(0, at - 3), at)
    )
    if not (breaks_out or opens(scene, at) or reports_noun(scene, at)):
        return None
    if not is_told_as_fact(scene, at, None) or has_number(scene, at):
        return None
    if is_clash:
        return _clash(scene, at)
    if deed is None:
        assert undergone is not None
        told = _undergone(scene, at, undergone)
    elif word.lstrip("و").startswith("ال"):
        return None  # It points back: الهجوم الذي تبناه.
    else:
        told = _deed(scene, at, deed)
    return told if told is not None and told.actors else None


def _clash(scene: Scene, at: int) -> Told | None:
    """اشتباكات بين قسد وعناصر من الجيش: all of them did it; مع قسد: against whom."""
    start = behind_word(scene, at + 1, ("بين",))
    phrase = phrase_at(scene, start)
    sides = phrase.named or phrase.party
    if sides and phrase.end < len(scene.items) and scene.items[phrase.end].word[0] == "و":
        other = phrase_at(scene, phrase.end)
        sides += other.named or other.party
    if sides:
        return Told(at, "clashes", who=(sides, "subject", False))
    whom = opponent_from(scene, at + 1)
    return None if whom is None else Told(at, "clashes", whom=whom)


def _deed(scene: Scene, at: int, what: EventKind) -> Told | None:
    """قصف مدفعي لقوات النظام على نقاط لقسد; استهداف فلان."""
    if not is_warlike(scene, at) or (what in NEEDS_PLACE and not has_place(scene, at, what)):
        return None
    actors = scene.genitive_after(at)
    told = Told(at, what)
    if actors and "استهداف" in scene.items[at].word and not is_object_at(scene, actors[-1] + 1):
        return replace(told, whom=(actors, "object", False))
    who: Found | None = (actors, "subject", False) if actors else None
    start = actors[-1] + 1 if actors else at + 1
    whom = aimed_from(scene, start, actors)
    if whom is None and not has_place(scene, at, what):
        return None  # A heading: ضربات التحالف.
    return replace(told, who=who, whom=whom)


def _undergone(scene: Scene, at: int, what: EventKind) -> Told | None:
    """مقتل فلان برصاص قسد, اعتقال عنصر من قسد; اعتقال قسد شاباً."""
    start = at + 1
    if what == "released" and "سراح" not in scene.items[at].word:
        start = behind_word(scene, start, ("عن", "سراح"))
    simply = is_one_of(scene.items[at].word, SIMPLY_UNDERGONE)
    phrase = phrase_at(scene, start)
    told = Told(at, what)
    if phrase.named and is_party(scene, phrase.named[0]):
        if simply or not is_object_at(scene, phrase.end):
            return None
        whom = object_from(scene, told, phrase.end, phrase.named)
        return replace(told, who=(phrase.named, "subject", False), whom=whom)
    whom = patient_in(scene, phrase, what)
    who = doer_behind(scene, at, whom)
    if who is None and not simply:
        told_by = speaker_before(scene, at, of_own_deeds=True)
        who = (told_by, "speaker", True) if told_by else None
    return replace(told, who=who, whom=whom)

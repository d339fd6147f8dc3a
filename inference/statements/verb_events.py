"""Events that a verb tells: قصفت قسد مواقع للجيش, اغتيل فلان في نوى, شنت قسد هجوماً."""

from dataclasses import replace

from inference.numbers.nouns import PERSONAL
from inference.numbers.tolls import noun_kind
from inference.statements.agents import (
    Found,
    are_own_forces,
    are_own_members,
    carried_subject,
    speaker_before,
)
from inference.statements.event_clause import (
    Told,
    doer_behind,
    has_number,
    has_place,
    is_warlike,
    object_from,
    patient_in,
)
from inference.statements.event_subjects import (
    Front,
    is_joined_verb,
    is_object_at,
    read_front,
    read_voice,
)
from inference.statements.event_words import CLAIMED, NEEDS_PLACE, Verb, deed_noun
from inference.statements.lexicon import (
    DEEDS,
    MEMBERS,
    PREPOSITIONS,
    is_feminine_or_plural,
    is_one_of,
)
from inference.statements.noun_phrases import is_party, phrase_at
from inference.statements.realis import is_told_as_fact, opens
from inference.statements.scene import Scene
from inference.statements.statement import Rule

_PEOPLE_AHEAD = 14
_NOUN_AHEAD = 9
_CLAIM_AHEAD = 6
_VERBAL_ATTACK = frozenset(("هاجم", "هاجمت"))
_BELIEVED = frozenset(("يعتقد", "يشتبه", "يرجح", "يظن"))


def event_of_verb(scene: Scene, at: int, verb: Verb) -> Told | None:
    """The event of the verb at `at`; None where it tells none, or one that has a number."""
    if not is_told_as_fact(scene, at, verb.is_past) or has_number(scene, at):
        return None
    front = read_front(scene, at, verb)
    first = min((*front.actors, at))
    if not verb.is_past and not opens(scene, first):
        return None
    what, noun = verb.what, front.noun
    if what is None:
        noun = _deed_told_with(scene, at, verb)
        what = None if noun is None else deed_noun(scene.items[noun].word)
    if what is None or (what == "claim" and not _claims(scene, at)):
        return None
    voice = read_voice(scene, at, verb, front)
    relative = (
        verb.has_pronoun
        or (voice == "passive" and bool(front.actors))
        or (front.noun is not None and _is_means(scene, front.noun))
    )
    told = Told(at, what, is_relative=relative, noun=noun)
    if voice == "passive":
        told = _passive(scene, told, front)
    elif voice == "active":
        told = _active(scene, told, verb, front)
    if not told.actors or (what in NEEDS_PLACE and not has_place(scene, at, what)):
        return None
    if what == "detained" and told.whom is None and not _is_of_person(scene, at, verb):
        return None
    if scene.items[at].word.lstrip("وف") in _VERBAL_ATTACK and not _is_armed(scene, told):
        return None
    return told


def _is_of_person(scene: Scene, at: int, verb: Verb) -> bool:
    """Whether people behind the verb are those who were arrested: أوقفت العمل stops work."""
    behind = scene.items[at + 1 : at + 1 + _PEOPLE_AHEAD]
    people = any(item.kind == "word" and noun_kind(item.word) in PERSONAL for item in behind)
    return people or verb.has_pronoun or verb.voice == "passive"


def _is_armed(scene: Scene, told: Told) -> bool:
    """Whether no person is told to have attacked, which is far more often said of words."""
    return told.who is None or is_party(scene, told.who[0][0])


def _is_means(scene: Scene, noun: int) -> bool:
    """Whether a deed is told as what led to something else: بقصف لقسد استهدف, في هجوم لداعش طال."""
    before = scene.word_before(noun)
    is_led = before is not None and is_one_of(before, PREPOSITIONS)
    return is_led or scene.items[noun].word.startswith("ب")


def _claims(scene: Scene, at: int) -> bool:
    """Whether it is an attack that somebody took upon themselves: تبنى داعش الهجوم."""
    ahead = scene.items[at + 1 : at + 1 + _CLAIM_AHEAD]
    return any(item.kind == "word" and is_one_of(item.word, CLAIMED) for item in ahead)


def _deed_told_with(scene: Scene, at: int, verb: Verb) -> int | None:
    """The noun of what was done: شنت قسد هجوماً, الهجوم الذي شنته قسد."""
    places = range(at + 1, min(len(scene.items), at + _NOUN_AHEAD))
    for j in reversed(range(max(0, at - 6), at)) if verb.has_pronoun else places:
        if scene.is_hard_stop(j) or scene.items[j].kind == "COUNT":
            return None
        if scene.items[j].kind != "word":
            continue
        if deed_noun(scene.items[j].word) is not None:
            return j if is_warlike(scene, j) else None
        if not verb.has_pronoun and (scene.is_break(j) or scene.items[j].word == "علي"):
            return None
    return None


def _active(scene: Scene, told: Told, verb: Verb, front: Front) -> Told:
    """The event of a verb that somebody is the subject of."""
    at = told.at
    start = at + 1
    who: Found | None = (front.actors, front.rule, False) if front.actors else None
    if not front.stands:
        behind = scene.subject_after(at)
        deed = _deed_behind(scene, at + 1)
        if deed:
            rule: Rule = "subject" if told.what == "claim" else "deed"
            who, start = (deed, rule, False), deed[-1] + 1
            told = replace(told, noun=at + 1)
        elif _is_means_at(scene, at + 1):
            start = at + 2  # استهدف لغم دورية
        elif behind and not front.unnamed_behind:
            who, start = (behind, "subject", False), behind[-1] + 1
        else:
            start = front.behind + are_own_forces(scene, at + 1)
            who = _unnamed_subject(scene, at, verb)
    elif who is None and are_own_members(scene, at - 1):
        who = _unnamed_subject(scene, at, verb)
    if verb.has_pronoun:
        whom: Found | None = (front.antecedent, "object", False) if front.antecedent else None
    else:
        whom = object_from(scene, told, start, who[0] if who else ())
    if who is None and whom is not None and _is_suspected(scene, at, whom[0][0]):
        return replace(told, who=(whom[0], "subject", True))
    told = replace(told, who=who, whom=whom)
    return told if _says_enough(scene, told, start, verb) else replace(told, who=None)


def _says_enough(scene: Scene, told: Told, start: int, verb: Verb) -> bool:
    """Whether it is told what was done, not merely what somebody is like: النظام قصف وجوّع."""
    return (
        told.whom is not None
        or verb.has_pronoun
        or told.what in ("claim", "clashes")
        or told.noun is not None
        or has_place(scene, told.at, told.what)
        or is_object_at(scene, start)
    )


def _is_suspected(scene: Scene, at: int, actor: int) -> bool:
    """Whether those who did it are only believed to be of a party: مسلحون يُعتقد أنهم من داعش."""
    return any(item.word in _BELIEVED for item in scene.items[at + 1 : actor])


def _unnamed_subject(scene: Scene, at: int, verb: Verb) -> Found | None:
    """Who did it where the verb has no subject of its own: قالت إنها اعتقلت, واعتقلت شاباً."""
    before = scene.items[at - 1].word if at else ""
    own = are_own_members(scene, at - 1) or are_own_forces(scene, at + 1)
    if own or before in ("انها", "انه", "انهم", "بانها", "بانه"):
        told = speaker_before(scene, at)
        return (told, "speaker", False) if told else None
    if not is_joined_verb(scene, at) or not (verb.has_pronoun or is_object_at(scene, at + 1)):
        return None
    # فأفرج عنهم may be passive.
    if not (is_feminine_or_plural(scene.items[at].raw) or verb.has_pronoun):
        return None
    carried = carried_subject(scene, at)
    if not carried or not is_party(scene, carried[0]):
        return None
    return carried, "carried", True


def _is_means_at(scene: Scene, at: int) -> bool:
    """Whether a deed or a weapon, and nobody, is the subject."""
    if at >= len(scene.items) or scene.items[at].kind != "word":
        return False
    word = scene.items[at].word
    return is_one_of(word, DEEDS) and not is_one_of(word, MEMBERS)


def _deed_behind(scene: Scene, at: int) -> tuple[int, ...]:
    """Whose deed is the subject: استهدفت غارة للتحالف; not استهدف لغم دورية للحرس."""
    if at >= len(scene.items) or not is_one_of(scene.items[at].word, DEEDS):
        return ()
    actors = scene.genitive_after(at)
    before = scene.word_before(actors[0]) if actors and actors[0] > at + 1 else None
    return () if before is not None and is_one_of(before, MEMBERS) else actors


def _passive(scene: Scene, told: Told, front: Front) -> Told:
    """The event of a verb whose subject underwent it."""
    whom: Found | None = None
    if front.actors:
        whom = (front.actors, "object", False)
    elif front.antecedent:
        whom = (front.antecedent, "object", False)
    elif not front.stands:
        whom = patient_in(scene, phrase_at(scene, told.at + 1), told.what)
    return replace(told, who=doer_behind(scene, told.at, whom), whom=whom)

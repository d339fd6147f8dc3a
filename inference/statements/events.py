"""Events that a sentence tells without a number: قصفت قسد مواقع للجيش, اغتيال فلان في نوى.

Precise rather than many: what is denied, feared, planned, asked or only possible tells none, and
neither does a verb whose number has a row.
"""

from collections.abc import Set
from dataclasses import dataclass, replace

from inference.numbers.nouns import PERSONAL
from inference.numbers.spelling import SHADDA
from inference.numbers.tolls import noun_kind
from inference.statements.agents import (
    Found,
    are_own_forces,
    are_own_members,
    by_deed,
    by_phrase,
    carried_subject,
    speaker_before,
)
from inference.statements.event_subjects import (
    Front,
    begins_clause,
    is_joined_verb,
    is_object_at,
    read_front,
    read_voice,
)
from inference.statements.event_words import (
    CLAIMED,
    CLASHES,
    NEEDS_PLACE,
    OF_PERSONS,
    SIMPLY_UNDERGONE,
    WARLIKE,
    EventKind,
    Verb,
    deed_noun,
    event_verb,
    is_loose,
    is_negating,
    object_noun,
)
from inference.statements.lexicon import (
    DEEDS,
    MEMBERS,
    PREPOSITIONS,
    RESPONSIBLE,
    bare_nouns,
    is_feminine_or_plural,
    is_one_of,
)
from inference.statements.noun_phrases import is_party, phrase_at
from inference.statements.patients import aimed_at
from inference.statements.realis import is_told_as_fact, opens, reports_noun
from inference.statements.scene import Scene
from inference.statements.statement import Rule

_TARGET_AHEAD = 14
_NOUN_AHEAD = 9
_CLAIM_AHEAD = 6
_VERBAL_ATTACK = frozenset(("هاجم", "هاجمت"))
_BELIEVED = frozenset(("يعتقد", "يشتبه", "يرجح", "يظن"))
_BREAKING_OUT = frozenset(
    ("اندلعت", "دارت", "وقعت", "تجددت", "نشبت", "جرت", "شهدت", "اندلاع", "تدور")
)


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a sentence: the item of its verb or noun, its kind, and who is tied to it."""

    at: int
    what: EventKind
    who: Found | None = None
    whom: Found | None = None
    is_relative: bool = False
    """Whether it says more of what was told before: هجوم شنه, عنصر اختُطف."""
    noun: int | None = None
    """The item of the deed's noun that is told with a verb: شن غارات, غارة استهدفت."""

    @property
    def actors(self) -> tuple[int, ...]:
        """All items that are tied."""
        return (self.who[0] if self.who else ()) + (self.whom[0] if self.whom else ())


def find_events(scene: Scene, governors: Set[int], tied: Set[int]) -> list[Told]:
    """The events of a sentence in its order, none of them a verb of its numbers.

    `governors` are the items that numbers hang on, `tied` the actors that are tied to numbers.
    """
    if not any(item.kind == "ACTOR" for item in scene.items) or scene.items[-1].raw in "؟?":
        return []
    verbs: list[Told] = []
    for at, item in enumerate(scene.items):
        verb = event_verb(item.raw) if item.kind == "word" and at not in governors else None
        if verb is None or _is_homograph(scene, at):
            continue
        told = _by_verb(scene, at, verb)
        relative = told is not None and told.is_relative and set(told.actors) & tied
        if told is not None and not relative and not _goes_with(scene, told, verbs):
            verbs.append(told)
    known = {at for told in verbs for at in (told.at, told.noun)} | set(governors)
    nouns = []
    for at, item in enumerate(scene.items):
        if item.kind == "word" and at not in known:
            found = _by_noun(scene, at)
            if found is not None and not set(found.actors) & tied:
                nouns.append(found)
    return sorted(verbs + nouns, key=lambda told: told.at)


def _is_homograph(scene: Scene, at: int) -> bool:
    """Whether what may be a verb is the noun: بعد قصف, قصف مدفعي, استهدفها قصف."""
    word = scene.items[at].word
    # بيان صادر عن, and at dawn, far more often than verbs.
    if word == "صادر" or (word == "فجر" and SHADDA not in scene.items[at].raw):
        return True
    verb = event_verb(scene.items[at].raw)
    if verb is not None and verb.voice == "passive":
        return False
    if deed_noun(word) is None and object_noun(word) is None and word not in ("قتل", "هدم", "حرق"):
        return False
    after = scene.items[at + 1] if at + 1 < len(scene.items) else None
    following = after.word if after is not None and after.kind == "word" else ""
    adjective = following.endswith(("ي", "يف", "ثف", "ادل")) and not following.startswith("ال")
    before = scene.items[at - 1] if at else None
    if before is None or before.kind != "word":
        return adjective
    return adjective or not begins_clause(scene, at - 1)


def _goes_with(scene: Scene, told: Told, earlier: list[Told]) -> bool:
    """Whether a verb only says more of the deed before it: شن داعش هجوماً استهدف قسد."""
    if not earlier or earlier[-1].noun is None or told.at - earlier[-1].noun > 4:
        return False
    between = range(earlier[-1].noun + 1, told.at + 1)
    return not any(scene.is_break(j) for j in between)


def _by_verb(scene: Scene, at: int, verb: Verb) -> Told | None:
    if not is_told_as_fact(scene, at, verb.is_past) or _has_number(scene, at):
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
    if not told.actors or (what in NEEDS_PLACE and not _has_place(scene, at, what)):
        return None
    if what == "detained" and told.whom is None and not _is_of_person(scene, at, verb):
        return None
    if scene.items[at].word.lstrip("وف") in _VERBAL_ATTACK and not _is_armed(scene, told):
        return None
    return told


def _is_of_person(scene: Scene, at: int, verb: Verb) -> bool:
    """Whether people behind the verb are those who were arrested: أوقفت العمل stops work."""
    behind = scene.items[at + 1 : at + 1 + _TARGET_AHEAD]
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


def _has_number(scene: Scene, at: int) -> bool:
    """Whether a number stands in the rest of the verb's clause, and so has a row of it."""
    for j in range(at + 1, len(scene.items)):
        if scene.is_hard_stop(j) or scene.is_break(j):
            return False
        if scene.items[j].kind == "COUNT":
            return True
        if scene.roles[j] is not None and scene.is_verb(j):
            return False
    return False


def _has_place(scene: Scene, at: int, what: EventKind) -> bool:
    """Whether a place stands behind the word in its clause; of control, as what is held."""
    over = False
    for j in range(at + 1, min(len(scene.items), at + _TARGET_AHEAD)):
        item = scene.items[j]
        if scene.is_hard_stop(j) or scene.is_break(j):
            return False
        if item.kind == "word" and is_negating(item.word):
            return False
        if item.kind == "LOCATION":
            # Money can be got back in a town; a town, not in it.
            return over or not (
                what == "control"
                and (scene.word_before(j) in ("في", "من") or item.proclitics[:1] == "ب")
            )
        over = over or item.word == "علي"
    return False


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
            return j if _is_warlike(scene, j) else None
        if not verb.has_pronoun and (scene.is_break(j) or scene.items[j].word == "علي"):
            return None
    return None


def _is_warlike(scene: Scene, at: int) -> bool:
    if not is_loose(scene.items[at].word):
        return True
    behind = scene.items[at + 1 : at + 3]
    return any(item.kind == "word" and is_one_of(item.word, WARLIKE) for item in behind)


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
        whom = _object(scene, told, start, who[0] if who else ())
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
        or _has_place(scene, told.at, told.what)
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


def _object(scene: Scene, told: Told, start: int, agents: tuple[int, ...]) -> Found | None:
    """To whom it was done, from the item `start` on."""
    if told.what == "claim":
        return None
    if told.what in NEEDS_PLACE:
        aimed_at_place = range(start, min(len(scene.items), start + _TARGET_AHEAD))
        owners = aimed_at(scene, aimed_at_place, agents) if told.what == "control" else ()
        return (owners, "target", False) if owners else None
    if told.what == "clashes":
        return _against(scene, start)
    if told.what == "released":
        start = _behind_word(scene, start, ("عن", "سراح"))
    aimed = told.what not in OF_PERSONS
    if told.what == "detained" and told.noun is not None:
        start = _behind_word(scene, told.noun, ("علي",))
    elif start < len(scene.items) and not aimed and scene.items[start].word == "علي":
        start += 1  # قبضت على فلان
    phrase = phrase_at(scene, start)
    if set(phrase.named + phrase.party) & set(agents):
        return None
    if phrase.named:
        is_whole = is_party(scene, phrase.named[0])
        return (phrase.named, "object", False) if aimed or not is_whole else None
    if phrase.party:
        return phrase.party, "target" if aimed else "member", False
    if not aimed:
        return None
    behind = range(start, min(len(scene.items), start + _TARGET_AHEAD))
    found = aimed_at(scene, behind, agents)
    return (found, "target", False) if found else None


def _against(scene: Scene, start: int) -> Found | None:
    phrase = phrase_at(scene, _behind_word(scene, start, ("مع", "ضد")))
    found = phrase.named or phrase.party
    return (found, "target", False) if found else None


def _behind_word(scene: Scene, start: int, words: tuple[str, ...]) -> int:
    """The item behind the first of `words` that is near; the end where there is none."""
    for j in range(start, min(len(scene.items), start + 6)):
        if scene.items[j].word in words:
            return j + 1
    return len(scene.items)


def _passive(scene: Scene, told: Told, front: Front) -> Told:
    """The event of a verb whose subject underwent it."""
    whom: Found | None = None
    if front.actors:
        whom = (front.actors, "object", False)
    elif front.antecedent:
        whom = (front.antecedent, "object", False)
    elif not front.stands:
        phrase = phrase_at(scene, told.at + 1)
        aimed = told.what not in OF_PERSONS
        if phrase.named and (aimed or not is_party(scene, phrase.named[0])):
            whom = phrase.named, "object", False
        elif phrase.party:
            whom = phrase.party, "target" if aimed else "member", False
    return replace(told, who=_doer(scene, told.at, whom), whom=whom)


def _doer(scene: Scene, at: int, whom: Found | None) -> Found | None:
    """Who did what somebody underwent: على يد قسد, بقصف لقسد."""
    found = by_phrase(scene, at)
    if found is not None:
        return found if found[0] else None
    deed = by_deed(scene, at, at)
    if deed is None or (whom is not None and set(deed[0]) & set(whom[0])):
        return None
    return deed if deed[0][0] > at and not deed[2] else None


def _by_noun(scene: Scene, at: int) -> Told | None:
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
    if not is_told_as_fact(scene, at, None) or _has_number(scene, at):
        return None
    if is_clash:
        return _clash(scene, at)
    if deed and word.lstrip("و").startswith("ال"):
        return None  # It points back: الهجوم الذي تبناه.
    told = _deed(scene, at, deed) if deed else _undergone(scene, at, undergone)
    return told if told is not None and told.actors else None


def _clash(scene: Scene, at: int) -> Told | None:
    """اشتباكات بين قسد وعناصر من الجيش: all of them did it; مع قسد: against whom."""
    start = _behind_word(scene, at + 1, ("بين",))
    phrase = phrase_at(scene, start)
    sides = phrase.named or phrase.party
    if sides and phrase.end < len(scene.items) and scene.items[phrase.end].word[0] == "و":
        other = phrase_at(scene, phrase.end)
        sides += other.named or other.party
    if sides:
        return Told(at, "clashes", who=(sides, "subject", False))
    whom = _against(scene, at + 1)
    return None if whom is None else Told(at, "clashes", whom=whom)


def _deed(scene: Scene, at: int, what: EventKind) -> Told | None:
    """قصف مدفعي لقوات النظام على نقاط لقسد; استهداف فلان."""
    if not _is_warlike(scene, at) or (what in NEEDS_PLACE and not _has_place(scene, at, what)):
        return None
    actors = scene.genitive_after(at)
    told = Told(at, what)
    if actors and "استهداف" in scene.items[at].word and not is_object_at(scene, actors[-1] + 1):
        return replace(told, whom=(actors, "object", False))
    who: Found | None = (actors, "subject", False) if actors else None
    start = actors[-1] + 1 if actors else at + 1
    aimed = aimed_at(scene, range(start, min(len(scene.items), start + _TARGET_AHEAD)), actors)
    if not aimed and not _has_place(scene, at, what):
        return None  # A heading: ضربات التحالف.
    return replace(told, who=who, whom=(aimed, "target", False) if aimed else None)


def _undergone(scene: Scene, at: int, what: EventKind | None) -> Told | None:
    """مقتل فلان برصاص قسد, اعتقال عنصر من قسد; اعتقال قسد شاباً."""
    if what is None:
        return None
    start = at + 1
    if what == "released":
        start = _behind_word(scene, start, ("عن", "سراح")) if start < len(scene.items) else start
        if "سراح" in scene.items[at].word:
            start = at + 1
    simply = is_one_of(scene.items[at].word, SIMPLY_UNDERGONE)
    phrase = phrase_at(scene, start)
    told = Told(at, what)
    if phrase.named and is_party(scene, phrase.named[0]):
        if simply or not is_object_at(scene, phrase.end):
            return None
        whom = _object(scene, told, phrase.end, phrase.named)
        return replace(told, who=(phrase.named, "subject", False), whom=whom)
    whom = (phrase.named, "object", False) if phrase.named else None
    if whom is None and phrase.party:
        whom = phrase.party, "member", False
    who = _doer(scene, at, whom)
    if who is None and not simply:
        told_by = speaker_before(scene, at, of_own_deeds=True)
        who = (told_by, "speaker", True) if told_by else None
    return replace(told, who=who, whom=whom)

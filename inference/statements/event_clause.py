"""The clause of an event: a number or a place told in it, to whom it was done, and by whom."""

from dataclasses import dataclass

from inference.statements.agents import Found, by_deed, by_phrase
from inference.statements.event_words import (
    NEEDS_PLACE,
    OF_PERSONS,
    WARLIKE,
    EventKind,
    is_loose,
    is_negating,
)
from inference.statements.lexicon import is_one_of
from inference.statements.noun_phrases import Phrase, is_party, phrase_at
from inference.statements.patients import aimed_at
from inference.statements.scene import Scene

_AHEAD = 14
"""Items in which a place, or a party that was aimed at, is looked for."""


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


def has_number(scene: Scene, at: int) -> bool:
    """Whether a number stands in the rest of the word's clause, and so has a row of its own."""
    for j in range(at + 1, len(scene.items)):
        if scene.is_hard_stop(j) or scene.is_break(j):
            return False
        if scene.items[j].kind == "COUNT":
            return True
        if scene.roles[j] is not None and scene.is_verb(j):
            return False
    return False


def has_place(scene: Scene, at: int, what: EventKind) -> bool:
    """Whether a place stands behind the word in its clause; of control, as what is held."""
    over = False
    for j in range(at + 1, min(len(scene.items), at + _AHEAD)):
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


def is_warlike(scene: Scene, at: int) -> bool:
    """Whether the noun of a deed is no campaign of health or of words: حملة دهم, قصف."""
    if not is_loose(scene.items[at].word):
        return True
    behind = scene.items[at + 1 : at + 3]
    return any(item.kind == "word" and is_one_of(item.word, WARLIKE) for item in behind)


def object_from(scene: Scene, told: Told, start: int, agents: tuple[int, ...]) -> Found | None:
    """To whom it was done, from the item `start` on."""
    if told.what == "claim":
        return None
    if told.what in NEEDS_PLACE:
        return aimed_from(scene, start, agents) if told.what == "control" else None
    if told.what == "clashes":
        return opponent_from(scene, start)
    if told.what == "released":
        start = behind_word(scene, start, ("عن", "سراح"))
    aimed = told.what not in OF_PERSONS
    if told.what == "detained" and told.noun is not None:
        start = behind_word(scene, told.noun, ("علي",))
    elif start < len(scene.items) and not aimed and scene.items[start].word == "علي":
        start += 1  # قبضت على فلان
    phrase = phrase_at(scene, start)
    if set(phrase.named + phrase.party) & set(agents):
        return None
    if phrase.named or phrase.party or not aimed:
        return patient_in(scene, phrase, told.what)
    return aimed_from(scene, start, agents)


def patient_in(scene: Scene, phrase: Phrase, what: EventKind) -> Found | None:
    """To whom of those in a noun phrase it was done: a party is hit, its members are killed."""
    aimed = what not in OF_PERSONS
    if phrase.named:
        is_whole = is_party(scene, phrase.named[0])
        return (phrase.named, "object", False) if aimed or not is_whole else None
    if phrase.party:
        return phrase.party, "target" if aimed else "member", False
    return None


def aimed_from(scene: Scene, start: int, agents: tuple[int, ...]) -> Found | None:
    """At whom, or at whose, it was aimed, from the item `start` on."""
    ahead = range(start, min(len(scene.items), start + _AHEAD))
    found = aimed_at(scene, ahead, agents)
    return (found, "target", False) if found else None


def opponent_from(scene: Scene, start: int) -> Found | None:
    """Against whom they fought: اشتبكت مع قسد, اشتباكات ضد قسد."""
    phrase = phrase_at(scene, behind_word(scene, start, ("مع", "ضد")))
    found = phrase.named or phrase.party
    return (found, "target", False) if found else None


def behind_word(scene: Scene, start: int, words: tuple[str, ...]) -> int:
    """The item behind the first of `words` that is near; the end where there is none."""
    for j in range(start, min(len(scene.items), start + 6)):
        if scene.items[j].word in words:
            return j + 1
    return len(scene.items)


def doer_behind(scene: Scene, at: int, whom: Found | None) -> Found | None:
    """Who did what somebody underwent: على يد قسد, بقصف لقسد."""
    found = by_phrase(scene, at)
    if found is not None:
        return found if found[0] else None
    deed = by_deed(scene, at, at)
    if deed is None or (whom is not None and set(deed[0]) & set(whom[0])):
        return None
    return deed if deed[0][0] > at and not deed[2] else None

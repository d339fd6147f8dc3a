"""Events that a sentence tells without a number: قصفت قسد مواقع للجيش, اغتيال فلان في نوى.

Precise rather than many: what is denied, feared, planned, asked or only possible tells none, and
neither does a verb whose number has a row.
"""

from collections.abc import Set

from inference.numbers.spelling import SHADDA
from inference.statements.event_clause import Told
from inference.statements.event_subjects import begins_clause
from inference.statements.event_words import deed_noun, event_verb, object_noun
from inference.statements.noun_events import event_of_noun
from inference.statements.scene import Scene
from inference.statements.verb_events import event_of_verb


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
        told = event_of_verb(scene, at, verb)
        relative = told is not None and told.is_relative and set(told.actors) & tied
        if told is not None and not relative and not _goes_with(scene, told, verbs):
            verbs.append(told)
    known = {at for told in verbs for at in (told.at, told.noun)} | set(governors)
    nouns = []
    for at, item in enumerate(scene.items):
        if item.kind == "word" and at not in known:
            found = event_of_noun(scene, at)
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

"""Who did it: the actors behind the deed that a number is told with."""

from inference.statements.lexicon import (
    ACCUSING,
    APPROXIMATE,
    ATTRIBUTED,
    BY_FIRE,
    BY_HAND,
    DEPLOYING,
    EXPOSED,
    FORCES,
    MEMBERS,
    PREPOSITIONS,
    RESPONSIBLE,
    TIME_WORDS,
    announces,
    is_ambiguous,
    is_feminine_or_plural,
    is_harming,
    is_one_of,
)
from inference.statements.members import members_after
from inference.statements.scene import DEED_KINDS, QUOTES, Deed, Scene
from inference.statements.statement import Rule

Found = tuple[tuple[int, ...], Rule, bool]
"""Items of the sentence, the rule, and whether it was guessed."""

_NOBODY: Found = ((), "subject", False)
"""Somebody did it whom the text does not name."""
_AHEAD = 32
_FAR = 12
"""Words between a deed and a number beyond which it is guessed that they belong together."""
_PRONOUNS = frozenset(("انها", "انه", "انهم", "بانها", "بانه", "انهما"))
_OWNED = ("ها", "ه", "هم")
_OWN = frozenset(("killed", "injured", "detained", "kidnapped", "missing"))


def find_agent(scene: Scene, at: int, governor: int | None) -> Found | None:
    """Who did what is told with the number at `at`; None where nothing tells it."""
    if at and scene.roles[at - 1] == "report":
        return None  # قال مصدران: they told it.
    told = by_phrase(scene, at)
    if told is not None:
        return told if told[0] else None
    blamed = _by_blame(scene, at)
    if blamed:
        return blamed, "agent", False
    own = scene.genitive_after(at) if scene.what(at) in DEED_KINDS else ()
    if own:
        return own, "deed", False
    if governor is None:
        return by_deed(scene, at, at) if scene.what(at) in _OWN else None
    role = scene.roles[governor]
    if role in ("act", "act_noun") and governor < at:
        found = _by_governor(scene, at, governor)
        if found is not None:
            return found if found[0] else None
    if role == "move" and scene.what(at) not in _OWN:
        return None
    if role == "act" and governor > at:
        # The counted stand before the verb: مدنيان قتلا.
        return by_deed(scene, at, governor) if scene.what(at) in _OWN else None
    if is_one_of(scene.items[governor].word, EXPOSED) or role in ("undergo", "undergo_noun"):
        return by_deed(scene, at, governor)
    if role in ("act", "act_noun", "lose", "cause"):
        return by_deed(scene, at, governor)
    return by_deed(scene, at, governor) if scene.what(at) in _OWN else None


def by_phrase(scene: Scene, at: int) -> Found | None:
    """على يد قسد, من قبل قسد, برصاص قسد; no items where such a phrase names nobody."""
    crossed = False
    for j in range(at + 1, min(len(scene.items), at + _AHEAD)):
        item = scene.items[j]
        if scene.is_hard_stop(j):
            return None
        if item.kind != "word":
            continue
        if scene.roles[j] is not None and scene.is_verb(j):
            if scene.roles[j] not in ("undergo", "move"):
                return None
            crossed = True
        following = scene.items[j + 1].word if j + 1 < len(scene.items) else ""
        if following in BY_HAND.get(item.word, ()):
            actors = _named_within(scene, j + 2)
        elif item.word in BY_FIRE:
            actors = _named_within(scene, j + 1)
        else:
            continue
        return actors, "agent", crossed
    return None


def _by_blame(scene: Scene, at: int) -> tuple[int, ...]:
    """Who is said to have done it: تبني, مسؤوليتها عن 6, نسبت 3 إلى قسد, اتهمت قسد بقتل 5."""
    blamed = _blamed_behind(scene, at)
    if blamed:
        return blamed
    for j in range(at - 1, max(-1, at - 10), -1):
        item = scene.items[j]
        if item.kind != "word" or scene.is_hard_stop(j):
            continue
        if item.word in RESPONSIBLE:
            return speaker_before(scene, j)
        if item.word in ACCUSING:
            named = [k for k in range(j + 1, at) if scene.items[k].kind == "ACTOR"]
            accused = [k for k in named if scene.items[k].proclitics == ""]
            return scene.joined_actors(accused[-1]) if accused else ()
    return ()


def _blamed_behind(scene: Scene, at: int) -> tuple[int, ...]:
    """نسبت 3 اغتيالات إلى قسد, قنبلتين نسبتا إلى قسد: the name behind إلى."""
    low, high = max(0, at - 40), min(len(scene.items), at + 10)
    told = [j for j in range(low, high) if scene.items[j].word in ATTRIBUTED]
    if not told:
        return ()
    first = at + 1 if told[0] < at else told[0]
    for j in range(first, min(high, first + 4)):
        if scene.items[j].kind in ("COUNT", "LOCATION") or scene.is_hard_stop(j):
            return ()
        if scene.items[j].word == "الي":
            return _named_within(scene, j + 1)
    return ()


def _named_within(scene: Scene, start: int) -> tuple[int, ...]:
    for j in range(start, min(len(scene.items), start + 5)):
        item = scene.items[j]
        if item.kind == "ACTOR":
            return scene.joined_actors(j)
        if item.kind in ("LOCATION", "COUNT") or (item.kind == "sign" and item.raw not in QUOTES):
            break
        if item.kind == "word" and scene.roles[j] is not None and scene.is_verb(j):
            break
    return ()


def _by_governor(scene: Scene, at: int, governor: int) -> Found | None:
    """The subject of the verb or verbal noun before the number; None where it has none."""
    is_noun = scene.roles[governor] == "act_noun"
    found = scene.subject_after(governor)
    if found and found[0] < at:
        # قتل زيد و3 من رفاقه: who is joined to the counted is one of them.
        counted = any(scene.items[j].kind == "COUNT" for j in range(found[0] + 1, at))
        if counted or not (scene.items[at].is_joined and at - found[0] <= 2):
            return found, "subject", False
        found = None
    overt = found == () and not _is_bare_between(scene, governor, at)
    if is_noun and not overt:
        speaker = speaker_before(scene, governor, of_own_deeds=True)
        if speaker:
            return speaker, "speaker", True
        subject = _subject_of_governor(scene, governor)
        if subject:
            return subject, "subject", False
        return None
    if is_noun:
        return _NOBODY
    before = scene.subject_before(governor)
    if before:
        return before, "subject", False
    own = are_own_members(scene, governor - 1) or are_own_forces(scene, governor + 1)
    if overt and not own:
        return _NOBODY
    raw = scene.items[governor].raw
    if own or (governor and scene.items[governor - 1].word in _PRONOUNS):
        speaker = speaker_before(scene, governor)
        if speaker:
            return speaker, "speaker", False
    if overt:
        return _NOBODY
    word = scene.items[governor].word
    # وقتل ثلاثة may be passive; وعثر على ثلاثة goes on with who was told before.
    goes_on = word[0] in "وف" and not is_harming(word)
    if is_feminine_or_plural(raw) or word[0] in "يت" or goes_on or not is_ambiguous(raw):
        carried = carried_subject(scene, governor)
        if carried:
            return carried, "carried", True
    return None


def are_own_members(scene: Scene, at: int) -> bool:
    """Whether the word means members of who was told before: قالت قسد إن مقاتليها قتلوا."""
    return _is_owned(scene, at, MEMBERS)


def are_own_forces(scene: Scene, at: int) -> bool:
    """Whether the word means forces of who was told before; members may be what it is done to."""
    return _is_owned(scene, at, FORCES)


def _is_owned(scene: Scene, at: int, nouns: frozenset[str]) -> bool:
    if not 0 <= at < len(scene.items) or scene.items[at].kind != "word":
        return False
    word = scene.items[at].word
    # دورية is written دوريه too, and what has an article has no pronoun.
    if word in nouns or word.startswith(("ال", "وال")):
        return False
    return word.endswith(_OWNED) and is_one_of(word, nouns)


def _subject_of_governor(scene: Scene, before: int) -> tuple[int, ...]:
    """The subject of the verb that a verbal noun hangs on: حكمت محكمة … بالإعدام على 11."""
    for j in range(before - 1, max(-1, before - 9), -1):
        if scene.is_hard_stop(j) or scene.items[j].kind == "COUNT":
            return ()
        if scene.roles[j] == "act" and scene.is_verb(j):
            return scene.subject_after(j) or scene.subject_before(j)
        if scene.is_break(j):
            return ()
    return ()


def _is_bare_between(scene: Scene, governor: int, at: int) -> bool:
    """Whether nothing that could be a subject stands between a verb and its number."""
    for j in range(governor + 1, at):
        item = scene.items[j]
        if (
            item.kind == "word"
            and scene.roles[j] is None
            and not (
                is_one_of(item.word, APPROXIMATE)
                or is_one_of(item.word, TIME_WORDS)
                or is_one_of(item.word, PREPOSITIONS)
            )
        ):
            return False
    return True


def speaker_before(scene: Scene, before: int, of_own_deeds: bool = False) -> tuple[int, ...]:
    """Who speaks in the nearest verb of saying before an item, or in the one it goes on with."""
    for j in range(before - 1, max(-1, before - 26), -1):
        if scene.is_hard_stop(j):
            return ()
        if scene.roles[j] == "report":
            if of_own_deeds and not announces(scene.items[j].word):
                return ()
            told = scene.subject_after(j)
            if told is None and scene.items[j].word[0] == "و":
                told = scene.subject_before(j)
                if not told:
                    continue
            return told or scene.subject_before(j)
        if scene.roles[j] == "act" and scene.is_verb(j):
            return ()
    return ()


def carried_subject(scene: Scene, governor: int) -> tuple[int, ...]:
    """Who did the nearest deed before the item that a verb tells; empty where none is near."""
    before, _ = scene.deeds_around(governor)
    for deed in before:
        if deed.is_verb:
            return deed.actors
    return ()


def by_deed(scene: Scene, at: int, governor: int) -> Found | None:
    """The nearest deed of the sentence, one behind the number before one ahead of it."""
    members = set(members_after(scene, at))
    before, behind = scene.deeds_around(min(at, governor))
    behind = [deed for deed in behind if deed.at > at]
    for deed, is_behind in _by_distance(at, before, behind):
        if deed.is_verb and not is_harming(scene.items[deed.at].word):
            continue
        if set(deed.actors) & members or not _reaches(scene, at, deed, is_behind):
            continue
        between = range(min(at, deed.at) + 1, max(at, deed.at))
        crossed = any(scene.items[j].kind == "COUNT" or scene.is_break(j) for j in between)
        guessed = crossed or len(between) > _FAR or (not is_behind and deed.is_verb)
        return deed.actors, "deed", guessed
    return None


def _by_distance(at: int, before: list[Deed], behind: list[Deed]) -> list[tuple[Deed, bool]]:
    both = [(deed, True) for deed in behind] + [(deed, False) for deed in before]
    return sorted(both, key=lambda pair: abs(pair[0].at - at))


def _reaches(scene: Scene, at: int, deed: Deed, is_behind: bool) -> bool:
    """Whether nothing between a number and a deed says that they are two stories."""
    low, high = (at, deed.at) if is_behind else (deed.at, at)
    for j in range(low + 1, high):
        if scene.is_hard_stop(j):
            return False
        if not is_behind:
            continue
        # What is told behind another verb of its own belongs to that verb.
        if scene.is_break(j) and not scene.adds_to_toll(j):
            return False
    return True


def deploys(scene: Scene, governor: int) -> bool:
    """Whether the deed is one that a party does with its own people: نشرت قسد 50 عنصراً."""
    return is_one_of(scene.items[governor].word, DEPLOYING)

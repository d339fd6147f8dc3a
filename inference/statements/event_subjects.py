"""What stands before and behind the verb of an event: its subject, or who underwent it."""

from typing import Literal, NamedTuple

from inference.numbers.spelling import fold, words_of
from inference.statements.agents import by_phrase
from inference.statements.event_words import Verb, event_verb
from inference.statements.lexicon import (
    ATTRIBUTION,
    CLAUSE_WORDS,
    MEMBERS,
    PREPOSITIONS,
    THAT,
    TIME_WORDS,
    is_one_of,
)
from inference.statements.noun_phrases import is_party, phrase_at
from inference.statements.scene import QUOTES, Scene
from inference.statements.statement import Rule

_RELATIVE = words_of("الذي التي الذين اللذان اللتان")
_IN_IT = words_of("فيه فيها به بها عليه عليها منه منها")
_NO_SUBJECT = words_of(
    "قد لقد كان كانت وكان وكانت كانوا كما فيما بينما حيث حين عندما بعدما وقد ثم إذ فقد"
)
_UNNAMED = words_of(
    "مسلحون مسلحان مسلحين مجهولون مجهولان مجهول مجهولين ملثمون ملثمان ملثم مسلح شخص شخصان شبان"
    " انتحاري انتحاريان أشخاص مستوطنون متظاهرون محتجون لصوص"
)
_ACCUSATIVE = words_of("عددا عشرات مدنيين مئات عدة جميع أحد بعض أفراد عناصر منازل شبانا نساء")


class Front(NamedTuple):
    """What is the subject of a verb before it is read on, and what stands in its way."""

    stands: bool
    """Whether the subject stands before the verb, named or not."""
    actors: tuple[int, ...]
    rule: Rule
    noun: int | None
    """The noun of the deed that is the subject: غارة للتحالف استهدفت."""
    unnamed_behind: bool
    """Whether the subject stands behind the verb and is somebody without a name."""
    behind: int
    """The item behind such a subject, else behind the verb."""
    antecedent: tuple[int, ...]
    """Whom the pronoun of اعتقلته means: فلان الذي اعتقلته قسد."""


def read_front(scene: Scene, at: int, verb: Verb) -> Front:
    """The subject before the verb at `at`, and the unnamed one behind it."""
    behind = at + 1
    while behind < len(scene.items) and scene.items[behind].word in _UNNAMED:
        behind += 1
    linked = behind < len(scene.items) and scene.items[behind].word in ("من", "تابعون", "يتبعون")
    unnamed = behind > at + 1 and not linked
    empty = Front(False, (), "subject", None, unnamed, behind if unnamed else at + 1, ())
    before = at - 1
    while before >= 0 and (
        scene.items[before].raw in QUOTES or scene.items[before].word in ("قد", "لقد")
    ):
        before -= 1
    if verb.has_pronoun:
        return empty._replace(antecedent=_antecedent(scene, before))
    if before < 0 or is_joined_verb(scene, at):
        return empty
    actors = scene.subject_before(at)
    if actors:
        return empty._replace(stands=True, actors=actors)
    item = scene.items[before]
    if item.kind == "ACTOR":
        for deed in scene.deeds:
            if deed.at < at and not deed.is_verb and before in deed.actors:
                return Front(True, deed.actors, "deed", deed.at, False, at + 1, ())
        if _is_of_members(scene, before):
            return empty._replace(stands=True, actors=(before,))
        return empty
    if item.kind == "COUNT":
        return empty._replace(stands=True)
    if item.kind != "word":
        return empty
    if item.word in _RELATIVE:
        return empty._replace(stands=True, antecedent=_antecedent(scene, before))
    is_free = begins_clause(scene, before) or _is_adverbial(scene, before, at)
    return empty if is_free else empty._replace(stands=True)


def begins_clause(scene: Scene, at: int) -> bool:
    """Whether a verb, and no noun, follows the word: أن, حيث, اليوم, بحسب."""
    word = scene.items[at].word
    return (
        word.startswith(("بال", "وبال", "لل"))  # بالمقابل
        or word.isdecimal()
        or word in _NO_SUBJECT
        or word in _RELATIVE
        or word in CLAUSE_WORDS
        or word in THAT
        or is_one_of(word, TIME_WORDS)
        or is_one_of(word, ATTRIBUTION)
        or word in _IN_IT
        or scene.roles[at] == "report"
    )


def _is_adverbial(scene: Scene, before: int, at: int) -> bool:
    """Whether the words before the verb are adverbs, so that its subject follows: بعد ساعات."""
    if scene.items[at].word.endswith("وا"):
        return False
    near = scene.items[max(0, before - 2) : before]
    return any(item.kind == "word" and is_one_of(item.word, PREPOSITIONS) for item in near)


def is_joined_verb(scene: Scene, at: int) -> bool:
    """Whether و or ف joins the verb at `at` to what stands before: وقصفت."""
    word = scene.items[at].word
    return word[0] in "وف" and event_verb(word[1:]) is not None


def _antecedent(scene: Scene, before: int) -> tuple[int, ...]:
    if before < 1 or scene.items[before].word not in _RELATIVE:
        return ()
    person = scene.items[before - 1].kind == "ACTOR" and not is_party(scene, before - 1)
    return (before - 1,) if person else ()


def _is_of_members(scene: Scene, actor: int) -> bool:
    """Whether they are members of a party that stand before the verb: عناصر من قسد اعتقلوا."""
    words = [item.word for item in scene.items[max(0, actor - 3) : actor] if item.kind == "word"]
    if scene.items[actor].proclitics == "ل":
        return bool(words) and is_one_of(words[-1], MEMBERS)
    return len(words) > 1 and words[-1] == "من" and is_one_of(words[-2], MEMBERS)


def read_voice(
    scene: Scene, at: int, verb: Verb, front: Front
) -> Literal["active", "passive"] | None:
    """Whether a verb tells what its subject did, or underwent; None where nothing tells it.

    Without vowel signs قتل and اعتقل are either. A party is not killed, its members are; who is
    named alone before a preposition was (قتل فلان في نوى), and before an object was not.
    """
    if verb.voice != "either":
        return verb.voice
    if verb.has_pronoun:
        return "active"
    if by_phrase(scene, at) is not None:
        return "passive"
    if front.actors:
        if is_party(scene, front.actors[0]):
            return "active"
        return None if is_object_at(scene, at + 1, of_persons=True) else "passive"
    if front.stands:
        return None
    if front.unnamed_behind:
        has_object = is_object_at(scene, front.behind, of_persons=True)
        return "active" if has_object else "passive"
    phrase = phrase_at(scene, at + 1)
    has_object = is_object_at(scene, phrase.end, of_persons=True)
    if phrase.named:
        if phrase.words == 0 and is_party(scene, phrase.named[0]):
            return "active"
        if phrase.words and not phrase.party and is_party(scene, phrase.named[0]):
            return None
        return None if has_object else "passive"
    if phrase.party:
        return "active" if has_object else "passive"
    if is_joined_verb(scene, at) and is_object_at(scene, at + 1):
        return "active" if _is_accusative(scene.items[at + 1].raw) else "passive"
    return "passive"


def is_object_at(scene: Scene, start: int, of_persons: bool = False) -> bool:
    """Whether what a verb is done to may stand there, adverbs of time and place passed over.

    `of_persons` says that a place is no such thing.
    """
    j = start
    while j < len(scene.items):
        item = scene.items[j]
        if item.kind == "sign":
            if item.raw not in QUOTES:
                return False
        elif item.kind == "LOCATION":
            if not (item.proclitics[:1] == "ب" or scene.word_before(j) == "في"):
                return not of_persons
        elif item.kind == "ACTOR":
            return item.proclitics in ("", "ل")
        elif item.kind == "COUNT":
            return True
        elif item.word == "في" or is_one_of(item.word, TIME_WORDS):
            # في حلب is passed over; what else في begins is no object.
            following = scene.items[j + 1] if j + 1 < len(scene.items) else None
            if item.word == "في" and (following is None or following.kind != "LOCATION"):
                return False
        else:
            if is_one_of(item.word, PREPOSITIONS) or item.word in CLAUSE_WORDS:
                return False
            glued = item.word.startswith(("بال", "لل", "و", "ف")) or item.word[0] in "بل"
            return not glued and (scene.roles[j] is None or _is_accusative(item.raw))
        j += 1
    return False


def _is_accusative(raw: str) -> bool:
    word = fold(raw)
    return word in _ACCUSATIVE or (word.endswith("ا") and len(word) > 3)

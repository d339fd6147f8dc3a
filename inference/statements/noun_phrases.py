"""The names in a noun phrase: القيادي في قسد أبو زيد, عنصراً من الجيش, مواقع لقسد."""

from typing import NamedTuple

from inference.actors.heads import HEADS
from inference.names.letters import name_words
from inference.numbers.spelling import words_of
from inference.statements.lexicon import (
    DEEDS,
    HOLDINGS,
    LINKS,
    MEMBERS,
    PREPOSITIONS,
    TIME_WORDS,
    is_one_of,
)
from inference.statements.scene import QUOTES, Scene

_AHEAD = 10
_WORDS = 5
_OF = words_of("من في لدى التابع التابعة تابع تابعة تابعين التابعين لصالح")
_IN_IT = words_of("فيه فيها به بها عليه عليها منه منها إليه إليها")
_STATE_HEADS = frozenset(
    name_words(
        "وزارة مجلس حكومة شرطة سلطات دولة بلدية نظام محكمة مديرية قيادة تحالف قوة قوى حرس بحرية"
        " طيران سلاح استخبارات مخابرات أمن جندرما درك لجنة مكتب وحدات وحدة غرفة فوج خفر مقاومة"
        " سفارة جامعة نقابة بعثة شعبة فرع مكافحة رئاسة ديوان اتحاد ائتلاف"
    )
)


class Phrase(NamedTuple):
    """The items of the names in a noun phrase, and where it ends."""

    named: tuple[int, ...]
    """Those whom it is about."""
    party: tuple[int, ...]
    """Whose they are: whom they serve, whose position it is."""
    words: int
    """Its words beside the names."""
    end: int
    """The item behind it."""


def phrase_at(scene: Scene, start: int) -> Phrase:
    """The noun phrase that begins at an item, adverbs of time and place before it passed over."""
    words = 0
    linked = False
    j = start
    while j < min(len(scene.items), start + _AHEAD):
        item = scene.items[j]
        if item.kind == "sign":
            if item.raw not in QUOTES:
                break
            if item.raw == "(" and not words:
                # A short form: قوى الأمن الداخلي (الأسايش).
                while j + 1 < len(scene.items) and scene.items[j].raw != ")":
                    j += 1
        elif item.kind == "LOCATION":
            if words or not _is_adverb(scene, j):
                break
        elif item.kind == "ACTOR":
            return _at_name(scene, j, linked, words)
        elif item.kind == "COUNT":
            break
        elif not is_one_of(item.word, TIME_WORDS):
            if is_one_of(item.word, MEMBERS | HOLDINGS):
                words += 1
            elif not words and is_one_of(item.word, DEEDS) and scene.word_before(j) == "في":
                pass  # قُتل في الهجوم فلان
            elif scene.roles[j] is not None or is_one_of(item.word, DEEDS) or item.word in _IN_IT:
                break
            elif item.word in _OF or item.word in LINKS:
                linked = words > 0
                if not words and item.word != "في":
                    break
            elif is_one_of(item.word, PREPOSITIONS) or (words and item.word[0] == "و"):
                break
            else:
                words += 1
            if words > _WORDS:
                break
        j += 1
    return Phrase((), (), words, j)


def _at_name(scene: Scene, at: int, linked: bool, words: int) -> Phrase:
    """The phrase whose first name is the item `at`."""
    item = scene.items[at]
    actors = scene.joined_actors(at)
    end = actors[-1] + 1
    actors += _further(scene, end)
    end = actors[-1] + 1
    is_direct = item.proclitics == "" and not linked and not _is_of_member(scene, at, words)
    if not is_direct and (item.proclitics not in ("", "ل") or not words):
        return Phrase((), (), words, at)
    # القيادي في قسد أبو زيد: who is named behind a party is the one it is about.
    behind = end
    while behind < len(scene.items) and scene.items[behind].raw in QUOTES:
        behind += 1
    if (
        words
        and behind < len(scene.items)
        and scene.items[behind].kind == "ACTOR"
        and scene.items[behind].proclitics == ""
        and not is_party(scene, behind)
        and scene.items[behind - 1].raw != "("
    ):
        named = scene.joined_actors(behind)
        return Phrase(named, actors, words, named[-1] + 1)
    return Phrase(actors, (), words, end) if is_direct else Phrase((), actors, words, end)


def _further(scene: Scene, end: int) -> tuple[int, ...]:
    """Who is named with the one before the item `end`: العميد فلان والعقيد فلان."""
    found: tuple[int, ...] = ()
    while (
        end + 1 < len(scene.items)
        and scene.items[end].kind == "word"
        and scene.items[end].word.startswith("وال")
        and scene.roles[end] is None
        and scene.items[end + 1].kind == "ACTOR"
        and scene.items[end + 1].proclitics == ""
    ):
        found += (end + 1,)
        end += 2
    return found


def _is_of_member(scene: Scene, at: int, words: int) -> bool:
    """Whether a member's or a position's noun without article stands right before the name."""
    before = scene.word_before(at) if words else None
    return (
        before is not None
        and not before.startswith(("ال", "وال"))
        and (is_one_of(before, MEMBERS) or is_one_of(before, HOLDINGS))
    )


def _is_adverb(scene: Scene, at: int) -> bool:
    return scene.items[at].proclitics[:1] == "ب" or scene.word_before(at) in ("في", "وسط", "قرب")


def is_party(scene: Scene, at: int) -> bool:
    """Whether an ACTOR is a party, not a person: in the table of parties, or by its head noun."""
    span = scene.items[at].span
    assert span is not None
    if span.fields.get("actor_id") or span.fields.get("candidates"):
        return True
    name = span.fields.get("name")
    words = name_words(name if isinstance(name, str) else scene.items[at].raw)
    if not words:
        return False
    head = words[0][2:] if words[0].startswith("ال") else words[0]
    return words[0] in HEADS or head in HEADS or head in _STATE_HEADS

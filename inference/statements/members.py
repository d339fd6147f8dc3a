"""The party that those who are counted belong to."""

from inference.statements.lexicon import (
    ATTRIBUTION,
    BY_FIRE,
    BY_HAND,
    DEEDS,
    LINKS,
    MEMBERS,
    PURPOSES,
    is_one_of,
)
from inference.statements.scene import QUOTES, Scene

_AHEAD = 9
_LINKED_LETTERS = frozenset(("ل", "ول"))


def members_after(scene: Scene, at: int) -> tuple[int, ...]:
    """The party that the counted belong to: 3 جنود من الفرقة 25, عنصران لقسد."""
    linked = False
    for j in range(at + 1, min(len(scene.items), at + 1 + _AHEAD)):
        item = scene.items[j]
        if item.kind == "ACTOR":
            bound = linked or item.proclitics in _LINKED_LETTERS
            return scene.joined_actors(j) if bound else ()
        if item.kind == "sign":
            if item.raw in QUOTES or (item.raw in "،," and j == at + 1):
                continue
            return ()
        if item.kind != "word" or item.word in PURPOSES or _tells_a_deed(scene, j):
            return ()
        if item.word == "الي":
            # A letter to a ministry is not its own; who belongs to a party is.
            linked = linked and "نتم" in scene.items[j - 1].word
        elif item.word in LINKS or is_one_of(item.word, MEMBERS):
            linked = True
        elif (j > at + 2 and not linked) or item.word.startswith(("بال", "لل")):
            return ()
    return ()


def _tells_a_deed(scene: Scene, at: int) -> bool:
    """Whether a word leads on to who did it, or to another deed."""
    word = scene.items[at].word
    following = scene.items[at + 1].word if at + 1 < len(scene.items) else ""
    if following in BY_HAND.get(word, ()) or word in BY_FIRE:
        return True
    if is_one_of(word, MEMBERS) or word in LINKS:
        return False
    return is_one_of(word, DEEDS) or is_one_of(word, ATTRIBUTION) or scene.roles[at] is not None

"""Words that relate to a place: directions, countrysides, deserts, borders, surroundings.

All tables are folded. What they give are the parts of a match's `relation`.
"""

from collections.abc import Mapping, Sequence

from inference.names.letters import ARTICLE, folded


def _table(words: Mapping[str, str]) -> dict[str, str]:
    return {folded(word): meant for meant, all_of_it in words.items() for word in all_of_it.split()}


DIRECTIONS = _table(
    {
        "north": "شمال شمالي شمالا",
        "south": "جنوب جنوبي جنوبا",
        "east": "شرق شرقي شرقا",
        "west": "غرب غربي غربا",
        "centre": "وسط أوسط",
    }
)
FRAMES = _table(
    {
        "countryside": "ريف ريفي أرياف",
        "desert": "بادية باديتي بوادي صحراء صحاري",
        "border": "حدود",
        "coast": "ساحل سواحل شاطئ شواطئ",
        "highlands": "جرود جرد",
        "territory": "أراضي",
        "interior": "داخل عمق",
        "waters": "مياه",
        "far": "أقصى",
    }
)
SURROUNDINGS = _table(
    {
        "around": "محيط",
        "near": "قرب جوار مقربة",
        "outskirts": "أطراف مشارف ضواحي تخوم",
        "front": "محور محاور جبهة",
    }
)
"""What stands before a name and no part of it; also inside spans that a model has found."""
DUALS = _table({"countryside": "ريفي", "desert": "باديتي"})
"""Words that go with two names, and are written with the first: ريفي إدلب وحلب."""
_DIAGONAL = {("north", "east"), ("north", "west"), ("south", "east"), ("south", "west")}


def direction_at(words: Sequence[str], at: int, *, definite: bool = False) -> tuple[int, str]:
    """How many words of direction stand at `at`, and what they say; (0, "") for none.

    `definite` words have the article. `شمال غرب` is `northwest`, `شمال وغرب` is `north and west`.
    """
    first = _direction(words[at], definite) if at < len(words) else None
    if first is None:
        return 0, ""
    count, said, last = 1, first, first
    while at + count < len(words):
        word = words[at + count]
        if (pair := _diagonal(last, _direction(word, definite))) is not None:
            said = said[: len(said) - len(last)] + pair
            last, count = pair, count + 1
        elif word[:1] == "و" and (joined := _direction(word[1:], definite)) is not None:
            said, last, count = f"{said} and {joined}", joined, count + 1
        else:
            break
    return count, said


def trailing_direction(words: Sequence[str]) -> tuple[int, str]:
    """How many words of direction end a name, with the article as adjectives have it, and what
    they say."""
    for at in range(len(words)):
        count, said = direction_at(words, at, definite=True)
        if count and at + count == len(words):
            return count, said
    return 0, ""


def _direction(word: str, definite: bool) -> str | None:
    if definite:
        if not word.startswith(ARTICLE):
            return None
        word = word[len(ARTICLE) :].removesuffix("ه")
    return DIRECTIONS.get(word)


def _diagonal(one: str, other: str | None) -> str | None:
    if other is None:
        return None
    for pair in ((one, other), (other, one)):
        if pair in _DIAGONAL:
            return "".join(pair)
    return None

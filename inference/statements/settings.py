"""Where it happened: the places that a number is told with."""

from inference.numbers.nouns import PERSONAL
from inference.numbers.tolls import noun_kind
from inference.statements.lexicon import (
    ADMINISTRATIVE,
    CHARGED,
    CLAUSE_WORDS,
    ORIGINS,
    PARTS,
    PREPOSITIONS,
    RAIDS,
    REGISTERED,
    SEATED,
    is_one_of,
    looks_like_verb,
)
from inference.statements.noun_phrases import is_party
from inference.statements.scene import DEED_KINDS, QUOTES, Chain, Scene
from inference.statements.statement import Rule

_AHEAD = 40
_BACK = 40
_HEADING_ITEMS = 8
_PASSED = frozenset("-–—*•▪●🔴🔹#=+>◾.،")
_HURT_OR_HELD = frozenset(("killed", "injured", "detained", "kidnapped", "missing", "released"))
_TOLLED = _HURT_OR_HELD | {"people"}
_EVENTS = _HURT_OR_HELD | DEED_KINDS
_EVENTS |= {"weapons", "vehicles", "buildings", "displaced", "returned"}
_DONE = frozenset(("act", "act_noun", "undergo", "undergo_noun"))
_PARTING = frozenset(
    ("فيما", "بينما", "كما", "حين", "لكن", "ولكن", "كذلك", "وان", "وانه", "وانها", "بعد", "قبل")
)
_AFTER = frozenset(("بعد", "عقب", "وبعد"))
_DASHES = frozenset("-–—|")
_WAYS = frozenset(("الي", "باتجاه", "صوب", "طريقهم", "نحو"))

FoundPlace = tuple[Chain, Rule, bool]


def find_setting(scene: Scene, at: int, governor: int | None) -> FoundPlace | None:
    """The chain of places of the number at `at` in its own sentence; None where it has none.

    Of an event `at` is its word, and the governor too.
    """
    listed = scene.what(at) in (None, "other")
    chains = [c for c in scene.chains if at - _BACK < c.last and c.first < at + _AHEAD]
    if listed:
        # ثلاثة مخاطر: what a list of reasons names is not where they are.
        chains = [c for c in chains if not _is_behind_colon(scene, at, c)]
    moves = (
        governor is not None
        and governor <= at
        and scene.roles[governor] in ("move", "act_noun", "act")
    )
    near = [
        c
        for c in chains
        if not (_is_origin(scene, c, moves) or is_dateline(scene, c))
        and (moves or not _is_way(scene, c))
        and not _is_of_another(scene, c, at)
        and not _fled_from(scene, c, at, governor)
        and not _is_of_other_people(scene, c, at)
    ]
    if governor is not None and governor < at:
        between = [c for c in near if governor < c.first and c.last < at]
        if between and _is_open(scene, between[-1].last, at):
            return between[-1], "clause", False
    behind = [c for c in near if c.first > at]
    before = [c for c in near if c.last < at]
    open_behind = bool(behind) and _is_open(scene, at, behind[0].first)
    open_before = bool(before) and _is_open(scene, before[-1].last, at)
    if governor == at and scene.is_break(at):
        open_before = False  # دهمت قسد منبج واعتقلت شاباً: the place is of the verb before.
    if open_behind and open_before:
        # As far as commas go; what stands behind is told of the number, all else being equal.
        pauses_before = _pauses(scene, before[-1].last, at)
        open_behind = _pauses(scene, at, behind[0].first) <= pauses_before
    if open_behind:
        return behind[0], "clause", False
    if open_before:
        return before[-1], "clause", False
    if behind and _is_list(scene, at, behind[0].first) and _is_led(scene, behind[0]):
        return behind[0], "sentence", True
    if before and scene.is_joined(at) and _is_list(scene, before[-1].last, at):
        return before[-1], "sentence", True
    if is_guessable(scene, at, governor):
        if behind and scene.what(at) in _TOLLED and _is_shared(scene, at, behind[0].first):
            return behind[0], "sentence", True
        if before and _goes_on(scene, before[-1].last, at):
            return before[-1], "sentence", True
    return _head_before(scene, at)


def is_guessable(scene: Scene, at: int, governor: int | None) -> bool:
    """Whether a number tells an event, so that its place may be told in another clause."""
    if scene.what(at) in _EVENTS:
        return True
    role = None if governor is None else scene.roles[governor]
    return scene.what(at) == "people" and role in _DONE


def _is_of_another(scene: Scene, chain: Chain, at: int) -> bool:
    """Whether the places before a number that و joins on belong to the number before them."""
    if chain.last > at or not scene.is_joined(at):
        return False
    for j in range(chain.first - 1, max(-1, chain.first - 7), -1):
        if scene.items[j].kind == "COUNT":
            return any(after.first > at for after in scene.chains)
        if scene.is_break(j) or scene.is_hard_stop(j):
            return False
    return False


def _head_before(scene: Scene, at: int) -> FoundPlace | None:
    """The places right before the colon that the number stands behind: `الرقة: مقتل 3`."""
    for j in range(at - 1, -1, -1):
        if scene.items[j].raw == ":":
            ending = [chain for chain in scene.chains if j - 2 <= chain.last < j]
            return (ending[0], "heading", False) if ending else None
        if scene.is_hard_stop(j):
            return None
    return None


def heading_of(scene: Scene) -> Chain | None:
    """The places that a line begins with, up to a colon: `• الرقة: …`."""
    if not scene.chains or scene.chains[0].first >= _HEADING_ITEMS:
        return None
    chain = scene.chains[0]
    for j in range(chain.first):
        item = scene.items[j]
        # A word that is none of a place's own tells something else: قال محافظ حماة: …
        if item.kind == "COUNT" or (item.kind == "word" and not _leads_to_place(item.word)):
            return None
        if item.kind == "ACTOR" and scene.items[j + 1].raw not in _DASHES:
            return None
    for j in range(chain.last + 1, min(len(scene.items), chain.last + 4)):
        item = scene.items[j]
        if item.raw == ":" or (item.raw in _DASHES and chain.first <= 1):
            return chain
        if item.kind in ("ACTOR", "COUNT"):
            return None
    return None


def is_dateline(scene: Scene, chain: Chain) -> bool:
    """Whether a sentence begins with the place where it was written: `مقديشو (الوكالة) -`."""
    if chain.first > 1 or chain.last + 1 >= len(scene.items):
        return False
    return scene.items[chain.last + 1].raw in _DASHES | {"("}


def _leads_to_place(word: str) -> bool:
    return word.isdecimal() or word in ADMINISTRATIVE or is_one_of(word, PREPOSITIONS)


def is_heading_line(scene: Scene) -> bool:
    """Whether a sentence is nothing but places and signs: the head of the lines below it."""
    words = sum(item.kind == "word" for item in scene.items)
    others = any(item.kind in ("ACTOR", "COUNT") for item in scene.items)
    return bool(scene.chains) and not others and words <= 2


def _is_origin(scene: Scene, chain: Chain, moves: bool) -> bool:
    """Whether the places say where people are from: من أهالي حلب, صياد من حلب."""
    if _is_seat(scene, chain):
        return True
    words = [item.word for item in scene.items[max(0, chain.first - 3) : chain.first]]
    while words and words[-1] in ADMINISTRATIVE and words[-1] != "من":
        words.pop()
    if not words:
        return False
    if is_one_of(words[-1], ORIGINS):
        return True
    if words[-1] != "من" or len(words) < 2:
        return False
    before = words[-2]
    if is_one_of(before, ORIGINS) or before.endswith(("هم", "هن", "هما")):
        return True
    return not moves and noun_kind(before) in PERSONAL


def _is_seat(scene: Scene, chain: Chain) -> bool:
    """Whether the places say where a party is, or something is registered."""
    for j in range(max(0, chain.first - 3), chain.first):
        item = scene.items[j]
        if item.kind != "word":
            continue
        if is_one_of(item.word, REGISTERED):
            return True
        if j and is_one_of(item.word, SEATED) and scene.items[j - 1].kind == "ACTOR":
            return True
    return False


def _is_behind_colon(scene: Scene, at: int, chain: Chain) -> bool:
    return at + 1 < chain.first and scene.items[at + 1].raw == ":"


def _is_of_other_people(scene: Scene, chain: Chain, at: int) -> bool:
    """Whether the places are told of others than the counted, or of a part of them.

    بتهمة القتال في عرسال, بينها طريق جوهر, أكبرهن فلانة من اللد, ثم نُقلا إلى المفرق.
    """
    if chain.first < at:
        return False
    words = [item.word for item in scene.items[max(at, chain.first - 3) : chain.first]]
    if words and words[-1] in PARTS:
        return True
    between = range(at + 1, chain.first)
    if any(scene.items[j].word in CHARGED for j in between):
        return True
    if words[-1:] == ["من"] and _names_person_before(scene, at, chain.first - 1):
        return True
    moved = any(scene.is_verb(j) and "نقل" in scene.items[j].word for j in between)
    return moved and "الي" in words


def _names_person_before(scene: Scene, at: int, of: int) -> bool:
    """Whether somebody is named right before من: فلانة (67 عاماً) من اللد."""
    for j in range(of - 1, max(at, of - 6), -1):
        item = scene.items[j]
        if item.kind == "ACTOR":
            return not is_party(scene, j)
        if not (item.raw in "()،" or item.word.isdecimal() or item.word in ("عاما", "سنه")):
            return False
    return False


def _fled_from(scene: Scene, chain: Chain, at: int, governor: int | None) -> bool:
    """Whether the places are where the counted had come from: تسعة نازحين كانوا قد فروا من سحم."""
    words = [item.word for item in scene.items[max(0, chain.first - 3) : chain.first]]
    if chain.first < at or "من" not in words:
        return False
    moved = [j for j in range(at + 1, chain.first) if scene.roles[j] == "move" and scene.is_verb(j)]
    return bool(moved) and governor not in moved


def _is_way(scene: Scene, chain: Chain) -> bool:
    """Whether the places say where somebody was going: في طريقهم إلى بغداد."""
    for j in range(chain.first - 1, max(-1, chain.first - 3), -1):
        if scene.items[j].kind == "word" and scene.items[j].word in _WAYS:
            return True
    return False


def _is_open(scene: Scene, low: int, high: int) -> bool:
    """Whether two items stand in one clause, with no other number between them."""
    # قتل ثلاثة: في الرقة. The colon right behind a number opens its list.
    opens_list = scene.items[low].kind == "COUNT" and scene.items[low + 1].raw == ":"
    first = low + 2 if opens_list else low + 1
    return not any(
        scene.is_hard_stop(j) or scene.is_break(j) or scene.items[j].kind == "COUNT"
        for j in range(first, high)
    )


def _pauses(scene: Scene, low: int, high: int) -> int:
    return sum(scene.items[j].raw in ("،", ",") for j in range(low + 1, high))


def _is_shared(scene: Scene, low: int, high: int) -> bool:
    """Whether between a number and the places behind it stand but further numbers of a toll."""
    for j in range(low + 1, high):
        if scene.is_hard_stop(j):
            return False
        if scene.is_break(j) and not (scene.adds_to_toll(j) or _is_after_raid(scene, j)):
            return False
    return True


def _is_after_raid(scene: Scene, at: int) -> bool:
    """Whether what follows tells the deed that had the toll: بعد مداهمة منازلهم في يعبد."""
    following = scene.items[at + 1].word if at + 1 < len(scene.items) else ""
    return scene.items[at].word in _AFTER and is_one_of(following, RAIDS)


def _is_list(scene: Scene, low: int, high: int) -> bool:
    """Whether between a number and places stand but numbers that و joins: 12 مركبة و87 مولداً في."""
    counts = 0
    for j in range(low + 1, high):
        item = scene.items[j]
        if scene.is_hard_stop(j) or item.kind in ("ACTOR", "LOCATION"):
            return False
        if item.kind == "COUNT":
            if not scene.is_joined(j):
                return False
            counts += 1
        elif item.kind == "word" and (
            scene.is_break(j)
            or scene.roles[j] is not None
            or (item.word[0] == "و" and len(item.raw) > 1 and looks_like_verb(item.raw[1:]))
            or item.word.lstrip("و") in CLAUSE_WORDS
        ):
            return False
    return counts > 0 or scene.items[high].kind == "COUNT"


def _is_led(scene: Scene, chain: Chain) -> bool:
    """Whether the places are where something is, not merely named: في تمنراست, بالطارمية."""
    before = scene.word_before(chain.first)
    return scene.items[chain.first].proclitics.startswith("ب") or (
        before is not None and (before in ADMINISTRATIVE or is_one_of(before, PREPOSITIONS))
    )


def _goes_on(scene: Scene, low: int, high: int) -> bool:
    """Whether what stands between a place and a number goes on with the same event."""
    for j in range(low + 1, high):
        if scene.is_hard_stop(j):
            return False
        if scene.is_break(j) and (scene.items[j].word in _PARTING or scene.roles[j] == "report"):
            return False
    return True


def is_blank(scene: Scene) -> bool:
    """Whether a sentence has no word and no span at all."""
    return all(item.kind == "sign" and item.raw in _PASSED | QUOTES for item in scene.items)

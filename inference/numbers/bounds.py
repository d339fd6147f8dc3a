"""Words around a number that make it a lower bound, an upper bound or an estimate."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from inference.numbers.count import Bound
from inference.numbers.number_words import find_numeral
from inference.numbers.spelling import fold, words_of

_NOT = words_of("لا لم لن ليس ليست وليس ما بلا ولا ولم ولن فلا فلم ألا الا")
_ABOUT = words_of("نحو حوالي حوالى قرابه زهاء بحدود بنحو تقريبا")
_MORE = words_of("اكثر ازيد اكبر")
_LESS = words_of("اقل ادني اصغر")
_NEARING = words_of("يقرب تقرب يقارب تقارب قارب قاربت يناهز تناهز ناهز ناهزت قاربوا ناهزوا")
_EXCEEDING = words_of(
    "يتجاوز تتجاوز تجاوز تجاوزت تجاوزوا يتجاوزوا يتجاوزون يتعدي تتعدي تعدي تعدت يتعدون"
    " يتعدوا تخطي تخطت يتخطي تتخطي يفوق تفوق فاق فاقت"
)
_VERBS = _NEARING | _EXCEEDING
_GROWING = words_of("يزيد تزيد زاد زادت يزيدون يربو تربو ربا ربت يزد تزد ينيف تنيف")
_FALLING_SHORT = words_of("يقل تقل قل قلت يقلون ينقص تنقص يقلوا")
_REACHING = words_of("يصل تصل يصلون")
_LED_BY_LAM = words_of("ليصل لتصل فيصل فتصل وليصل")
_ONE_WORD_AFTER: dict[str, Bound] = {
    "تقريبا": "about",
    "عالاقل": "at_least",
    "+": "at_least",
    "فاكثر": "at_least",
    "واكثر": "at_least",
    "ونيف": "at_least",
    "فاقل": "at_most",
}
_CLITICS = ("وب", "ول", "فب", "و", "ب", "ل", "ف", "ك")
_LOOK_BACK = 7
_LOOK_AHEAD = 6
STOPS = frozenset(".؟?!؛;\n")
_PAUSES = STOPS | frozenset('،,:()«»"“”[]•*')
_ENDS_AFTER = words_of("في عند خلال منذ بعد قبل بين الي عن ضد بحسب وفق جراء اثر بسبب بينهم بينها")


def bound_before(left: Sequence[str], of_things: bool) -> Bound | None:
    """The bound that the words before a number give it; `left` begins with the nearest.

    `of_things` is whether a verb may count: two that are passed (تجاوز إشارتين) are not exceeded.
    """
    if not left:
        return None
    nearest = _strip(left[0])
    if nearest not in _SIGNS and nearest not in _LIMITS:
        return _by_distant_verb(left) if of_things else None
    if nearest in _ABOUT or (nearest == "حدود" and len(left) > 1):
        return "about"
    if nearest in _EXCEEDING or nearest in _NEARING:
        return _by_verb(left, 0) if of_things else None
    if nearest == "من":
        return _by_comparison(left)
    if nearest in ("عن", "علي"):
        return _by_distance(left)
    if nearest == "الي":
        return _by_reach(left)
    if nearest in _LIMITS and _word(left, 1) in ("بحد", "كحد", "حد"):
        return "at_least" if nearest == "ادني" else "at_most"
    if of_things:
        return _by_distant_verb(left)
    return None


@lru_cache(maxsize=65536)
def _strip(word: str) -> str:
    """`word` folded, without the clitics before a word of this file."""
    folded = fold(word)
    if folded in _SIGNS:
        return folded
    for clitic in _CLITICS:
        if folded.startswith(clitic) and folded[len(clitic) :] in _SIGNS:
            return folded[len(clitic) :]
    return folded


_LIMITS = frozenset(("ادني", "اقصي"))
_SIGNS = frozenset(
    _ABOUT
    | _MORE
    | _LESS
    | _NEARING
    | _EXCEEDING
    | _GROWING
    | _FALLING_SHORT
    | _REACHING
    | {"من", "عن", "علي", "الي", "حدود"}
)


def _word(left: Sequence[str], at: int) -> str:
    return fold(left[at]) if at < len(left) else ""


def _is_negated(left: Sequence[str], verb: int) -> bool:
    word = _word(left, verb + 1)
    # «ما يقارب», «ما يزيد على» are no denials, and neither is «ما لا» before its own verb.
    return word in _NOT and word != "ما"


def _by_comparison(left: Sequence[str]) -> Bound | None:
    """أكثر من, لا تتسع لأكثر من, لن يقبل بأقل من, ما يقرب من, قريب من."""
    compared = _strip(left[1]) if len(left) > 1 else ""
    if compared in _NEARING or compared in ("قريب", "قريبا"):
        return "about"
    if compared not in _MORE and compared not in _LESS:
        return None
    raw = _word(left, 1)
    denied = _word(left, 2) in ("ليس", "ليست", "وليس", "لا")
    if raw.startswith(("ل", "ب")) or _word(left, 2) in ("الي", "علي", "سوي"):
        before = [fold(word) for word in left[2:6]]
        for at, word in enumerate(before):
            if word in STOPS or word in ("،", "ان", "زال", "يزال", "تزال", "يزالون"):
                break
            if word in ("لا", "لم", "لن") and at <= 3:
                denied = True
    if compared in _MORE:
        return "at_most" if denied else "at_least"
    return "at_least" if denied else "at_most"


def _by_distance(left: Sequence[str]) -> Bound | None:
    """لا يقل عن, يزيد عددهم على, لا يزيد قوام الواحدة منها على."""
    for at in range(1, min(len(left), _LOOK_BACK)):
        word = _strip(left[at])
        if word in _PAUSES or _is_other_number(left[at]):
            return None
        if word in _GROWING:
            return "at_most" if _is_negated(left, at) else "at_least"
        if word in _FALLING_SHORT:
            return "at_least" if _is_negated(left, at) else "at_most"
    return None


def _is_other_number(word: str) -> bool:
    """Whether `word` is a number; not الواحدة, each one."""
    numeral = find_numeral(word)
    return word[0].isdecimal() or (numeral is not None and not numeral.article)


def _by_reach(left: Sequence[str]) -> Bound | None:
    """يصل عددهم إلى, but ليصل إلى and وصل إلى say what the number now is."""
    for at in range(1, min(len(left), 5)):
        word = _strip(left[at])
        if word in _PAUSES or _is_other_number(left[at]):
            return None
        if fold(left[at]) in _LED_BY_LAM or word == "الا":
            return None
        if word in _REACHING:
            return "at_most"
    return None


def _by_verb(left: Sequence[str], at: int) -> Bound:
    if _strip(left[at]) in _NEARING:
        return "about"
    return "at_most" if _is_negated(left, at) or _is_doubted(left, at) else "at_least"


def _is_doubted(left: Sequence[str], verb: int) -> bool:
    """لا أظن أن عددهم يتجاوز."""
    return any(
        fold(left[at]) in ("اظن", "اعتقد", "نعتقد", "نظن") and _is_negated(left, at)
        for at in range(verb + 1, min(len(left), verb + 6))
    )


@lru_cache(maxsize=65536)
def _is_verb(word: str) -> bool:
    return _strip(word) in _VERBS


def _by_distant_verb(left: Sequence[str]) -> Bound | None:
    """لا يتجاوز عددهم, يناهز عديدها: the subject between the verb and its number."""
    if not any(map(_is_verb, left[1:4])):
        return None
    for at, word in enumerate(left[1:4], 1):
        if word in _PAUSES or left[at - 1][0].isdecimal():
            return None
        if not _is_verb(word):
            continue
        subject = _word(left, at - 1)
        if subject.startswith(_HOW_MANY) or (
            at == 1 and (subject.startswith("ال") or subject.endswith(("ها", "هم", "ه")))
        ):
            return _by_verb(left, at)
        return None
    return None


_HOW_MANY = ("عدد", "العدد", "عديد", "قوام", "مجموع", "حصيل")


def bound_after(right: Sequence[str]) -> Bound | None:
    """The bound that the words after a number and its noun give it; the nearest comes first."""
    for at, word in enumerate(right[:_LOOK_AHEAD]):
        sign = _sign_after(word)
        if sign == "on":
            continue
        if sign == "ends":
            return None
        if word == "+" and right[at + 1 : at + 2] and right[at + 1][0].isdecimal():
            return None
        if sign != "looks on":
            return sign
        folded, following = fold(word), _word(right, at + 1)
        if folded == "علي" and following == "اقل" and _word(right, at + 2).startswith("تقدير"):
            return "at_least"
        if folded == "او" and at > 0:
            return None
        return _TWO_WORDS_AFTER.get((folded, following))
    return None


_TWO_WORDS_AFTER: dict[tuple[str, str], Bound] = {
    ("علي", "الاقل"): "at_least",
    ("ع", "الاقل"): "at_least",
    ("علي", "الاكثر"): "at_most",
    ("كحد", "ادني"): "at_least",
    ("بحد", "ادني"): "at_least",
    ("كحد", "اقصي"): "at_most",
    ("بحد", "اقصي"): "at_most",
    ("او", "اكثر"): "at_least",
    ("او", "يزيد"): "at_least",
    ("او", "اقل"): "at_most",
}


@lru_cache(maxsize=65536)
def _sign_after(word: str) -> Bound | Literal["ends", "on", "looks on"]:
    """A bound in one word, the beginning of one in two, the end of the search, or nothing."""
    folded = fold(word)
    if folded in _ONE_WORD_AFTER:
        return _ONE_WORD_AFTER[folded]
    if folded in ("علي", "ع", "كحد", "بحد", "او"):
        return "looks on"
    if word == "(":
        return "on"
    if word in _PAUSES or folded in _ENDS_AFTER or word[0].isdecimal() or find_numeral(word):
        return "ends"
    return "on"

"""Words that tell an event of the field without a number, and those that take it back.

All of them folded; a look-up takes off what is glued to a word.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

from inference.numbers.count import What
from inference.numbers.spelling import DAMMA, fold, words_of
from inference.statements.lexicon import bare_nouns

EventKind = What | Literal["clashes", "control", "withdrawal", "claim", "destruction", "seizure"]
"""What an event is: kinds that numbers have, and kinds that nobody counts."""
Voice = Literal["active", "passive", "either"]


class Verb(NamedTuple):
    """What a form of a verb tells."""

    what: EventKind | None
    """None for a verb that needs the noun of a deed: شن, نفذ."""
    voice: Voice
    is_past: bool
    has_pronoun: bool = False
    """Whether whom, or what, it was done to is glued to it: اعتقلته, شنه."""


# A past and the stem of its present. Without vowel signs their third person may be passive.
_EITHER: dict[EventKind, str] = {
    "killed": "قتل قتل|اعدم عدم|ذبح ذبح|قنص قنص",
    "injured": "جرح جرح",
    "detained": "اعتقل عتقل|احتجز حتجز|اوقف وقف",
    "kidnapped": "خطف خطف|اختطف ختطف",
}
# Nobody writes their passive without telling it by another form, or a vowel sign.
_ACTIVE: dict[EventKind, str] = {
    "killed": "اغتال غتال|حيد حيد|اردي ردي",
    "detained": "اقتاد قتاد|قبض قبض",
    "released": "افرج فرج",
    "displaced": "هجر هجر",
    "attacks": "هاجم هاجم|استهدف ستهدف|فجر فجر",
    "strikes": "قصف قصف|اغار غير",
    "operations": "داهم داهم|دهم دهم|اقتحم قتحم|توغل توغل|مشط مشط|طوق طوق|حاصر حاصر",
    "clashes": "اشتبك شتبك",
    "control": "سيطر سيطر|استولي ستولي|استعاد ستعيد|احتل حتل",
    "withdrawal": "انسحب نسحب",
    "claim": "تبني تبني",
    "destruction": "دمر دمر|هدم هدم|احرق حرق|جرف جرف|نسف نسف",
    "seizure": "صادر صادر|نهب نهب",
}
_SUPPORTING = (
    "شن شن|نفذ نفذ|ارتكب رتكب|نصب نصب|بسط بسط|فرض فرض|احكم حكم|القي لقي|واصل واصل|جدد جدد|كثف كثف"
)
_PASSIVE: dict[EventKind, str] = {
    "killed": "اغتيل اغتيلت اغتيلوا استشهد استشهدت استشهدوا",
    "injured": "أصيب أصيبت أصيبوا",
    "detained": "اقتيد اقتيدت",
    "missing": "اختفى اختفت",
    "displaced": "هُجّر",
}
_OF_DEEDS: dict[EventKind, str] = {
    "strikes": "قصف قصفا غارة غارات غارتين ضربة ضربات",
    "attacks": "هجوم هجوما هجمات هجومين كمين كمينا تفجير تفجيرا استهداف مجزرة",
    "operations": "مداهمة مداهمات اقتحام دهم توغل توغلا إنزال إنزالا حملة عملية عمليات حملات",
    "withdrawal": "انسحاب",
    "control": "سيطرة سيطرته سيطرتها سيطرتهم",
    "detained": "قبض",
}
_OF_OBJECTS: dict[EventKind, str] = {
    "killed": "مقتل استشهاد مصرع اغتيال إعدام تحييد",
    "injured": "إصابة",
    "detained": "اعتقال توقيف احتجاز",
    "kidnapped": "خطف اختطاف",
    "released": "إفراج سراح",
}
SIMPLY_UNDERGONE = words_of("مقتل استشهاد مصرع إصابة")
"""Verbal nouns of what somebody underwent: nobody who did it stands right behind them."""
CLASHES = words_of("اشتباكات اشتباك معارك معركة مواجهات")
NEEDS_PLACE: frozenset[EventKind] = frozenset(("control", "withdrawal"))
"""Kinds that without a place may be something else: سيطر على الحريق, انسحب من الجلسة."""
OF_PERSONS: frozenset[EventKind] = frozenset(
    ("killed", "injured", "detained", "kidnapped", "released", "missing", "displaced")
)
"""Kinds of what is done to people, not to what is theirs."""
WARLIKE = words_of(
    "أمنية أمنيه عسكرية دهم مداهمة مداهمات اعتقال اعتقالات تمشيط تفتيش إنزال جوية جوي نوعية"
    " اغتيال تفجير خاصة اقتحام ملاحقة واسعة برية مشتركة خطف اختطاف استخباراتية انتحارية هجومية"
)
"""What stands behind عملية and حملة where they are no campaign of health or of words."""
_LOOSE = words_of("عملية عمليات حملة حملات")
CLAIMED = words_of(
    "هجوم هجومين هجمات عملية عمليات تفجير تفجيرات اغتيال استهداف قصف كمين غارة إطلاق مسؤولية"
    " قتل خطف اختطاف تفجيرين استهدافات ضربة ضربات غارات انفجار"
)
_NEGATING = words_of("لم لن لا ما ليس ليست ليسوا دون عدم سوف هل لو لولا إذا كاد كادت بلا")
_MAY_BE = words_of("أن قد كي لكي حتى ربما لعل وقد وأن بأن كأن")
_TAKING_BACK = words_of(
    "نفى نفت نفوا ينفي تنفي نافيا نافية أنكر أنكرت ينكر تنكر فند فندت كذب كذبت نفي شائعة شائعات"
    " إشاعة إشاعات إذا لو لولا ربما احتمال احتمالات مخاوف تخشى يخشى يتوقع تتوقع توقع توقعت"
    " سيناريو صحة"
)
_FOILING = words_of(
    "هدد هددت يهدد تهدد توعد توعدت يتوعد تتوعد حاول حاولت يحاول تحاول حاولوا محاولة محاولات أحبط"
    " أحبطت إحباط يعتزم تعتزم خطة خطط تخطط يخطط نية بنية تمهيدا استعدادا تحضيرات يستعد تستعد"
    " دعا دعت طالب طالبت يطالب تطالب تطلب طلب طلبت رفض رفضت بهدف بغية أجل"
    " فشل فشلت تحضر ينوي تنوي اتهام ذكرى الذكرى تدريب مناورة مناورات"
)
FOILED_WORDS = 8
"""Words behind one of foiling, planning or demanding that it may reach to."""
_SUFFIXES = ("ها", "هم", "هما", "هن", "ه")
_CONJUNCTIONS = ("", "و", "ف")


def _verbs() -> dict[str, Verb]:
    verbs: dict[str, Verb] = {}
    for what, pairs in _EITHER.items():
        _enter(verbs, what, pairs, "either")
    for what, pairs in _ACTIVE.items():
        _enter(verbs, what, pairs, "active")
    _enter(verbs, None, _SUPPORTING, "active")
    for what, words in _PASSIVE.items():
        verbs.update(dict.fromkeys(words_of(words), Verb(what, "passive", is_past=True)))
    for form in words_of("أسرت أسروا"):
        verbs[form] = Verb("detained", "active", is_past=True)
    return verbs


def _enter(verbs: dict[str, Verb], what: EventKind | None, pairs: str, voice: Voice) -> None:
    for pair in pairs.split("|"):
        past, present = pair.split()
        stem = past[:-1] if past.endswith("ي") else past
        for form in (past, stem + "ت"):
            verbs[form] = Verb(what, voice, is_past=True)
        verbs[stem + "وا"] = Verb(what, "active", is_past=True)
        for form in (prefix + present + end for prefix in "يت" for end in ("", "ون")):
            verbs.setdefault(form, Verb(what, voice, is_past=False))


_VERBS = _verbs()
_DEED_NOUNS = {form: what for what, words in _OF_DEEDS.items() for form in words_of(words)}
_OBJECT_NOUNS = {form: what for what, words in _OF_OBJECTS.items() for form in words_of(words)}


@lru_cache(maxsize=65536)
def event_verb(raw: str) -> Verb | None:
    """What the verb `raw`, with what is glued to it, tells; None where it is none of the field."""
    word = fold(raw)
    for conjunction in _CONJUNCTIONS:
        if not word.startswith(conjunction):
            continue
        stem = word[len(conjunction) :]
        found = _VERBS.get(stem)
        if found is None and not raw.endswith("ة"):
            for suffix in _SUFFIXES:
                if stem.endswith(suffix) and len(stem) - len(suffix) >= 2:
                    found = _VERBS.get(stem[: -len(suffix)])
                    if found is not None and found.what in NEEDS_PLACE | {"clashes"}:
                        return None  # سيطرتها, the noun: nobody can be controlled so.
                    if found is not None:
                        found = found._replace(has_pronoun=True)
                        break
        if found is not None:
            # قُتل, واعتُقل; a present has its vowel on the first letter: تُقصف.
            first = raw[:-2] if found.is_past else raw[len(conjunction) : len(conjunction) + 2]
            return found._replace(voice="passive") if DAMMA in first else found
    return None


@lru_cache(maxsize=65536)
def deed_noun(word: str) -> EventKind | None:
    """The kind of a deed whose noun the folded `word` is, without ب or ل before it."""
    return _DEED_NOUNS.get(_bare_noun(word))


@lru_cache(maxsize=65536)
def object_noun(word: str) -> EventKind | None:
    """The kind of what was done, or happened, to those behind the verbal noun `word`."""
    for stem in bare_nouns(word):
        if stem in _OBJECT_NOUNS:
            return _OBJECT_NOUNS[stem]
    return None


def is_loose(word: str) -> bool:
    """Whether a noun tells an event of the field only with another word behind it: حملة دهم."""
    return _bare_noun(word) in _LOOSE


def _bare_noun(word: str) -> str:
    for prefix in ("وال", "ال", "و"):
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            return word[len(prefix) :]
    return word


def is_negating(word: str) -> bool:
    """Whether the folded word denies, or asks, what stands right behind it."""
    return word in _NEGATING or (word[0] in "وف" and word[1:] in _NEGATING)


def takes_back(word: str) -> bool:
    """Whether what follows the folded word in its sentence is denied, feared or supposed."""
    return word in _TAKING_BACK or (word[0] in "وف" and word[1:] in _TAKING_BACK)


def foils(word: str) -> bool:
    """Whether what follows closely was only tried, planned, threatened or asked for."""
    stems = (word, word[1:]) if word[0] in "وفبل" else (word,)
    return any(stem in _FOILING for stem in stems)


def may_be(word: str) -> bool:
    """Whether a present tense behind the word tells what may be: أن تقصف, قد تقصف."""
    return word in _MAY_BE

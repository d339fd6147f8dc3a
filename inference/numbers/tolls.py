"""Words that say what became of those who are counted: verbs, verbal nouns, nouns of state."""

from functools import lru_cache

from inference.numbers.count import What
from inference.numbers.nouns import kind_of
from inference.numbers.spelling import fold, words_of

_VERBS: dict[What, str] = {
    "killed": (
        "ارتقى ارتقت ارتقوا ارتقاء قتل يقتل تقتل مقتل قتلوا قتلا استشهد استشهاد يستشهد قضى"
        " قضت قضوا قضيا قضين مصرع حتف توفي توفى توفوا توفيا مات ماتوا ماتا يموت موت أودى أودت"
        " يودي تودي أزهق إعدام أعدم أعدموا يعدم اغتيال اغتال اغتيل تصفية صفى صفت تحييد حيد"
        " حيدت ذبح أردى أردت نعى نعت تشييع شيع شيعت دفن دفنت دفنوا فارق فارقوا أنفاس لفظ أباد"
        " لقي لقيت لقوا لقيا يلقى اغتالت اغتيلت يغتال حصد حصدت تقتيل صلب غرق"
    ),
    "injured": "انصاب انصابوا أصيب أصيبا أصيبوا يصاب إصابة جرح جرحوا جرحا يجرح أصاب أصابت",
    "detained": (
        "اعتقل اعتقلوا اعتقال يعتقل توقيف أوقف أوقفوا يوقف احتجز احتجزوا احتجاز يحتجز تحتجز القبض"
        " تعتقل"
        " ضبط ضبطت ضبطوا أسر أسروا يأسر سجن سجنت حبس اقتاد اقتيد اقتادت اقتيدا اقتيدوا احتجاز"
        " سجون معتقلات توقيفات اعتقالات"
    ),
    "kidnapped": "خطف خطفوا خطفا اختطف اختطفوا اختطاف يختطف يختطفون",
    "missing": "فقدان اختفاء اختفى اختفوا اختفت إخفاء أخفى تغييب",
    "displaced": "نزح نزحوا نزوح ينزح تنزح تهجير لجأ لجأت لجؤوا لجوء تشريد شرد شردت تشرد ",
    "released": "أفرج إفراج يفرج تفرج سراح سبيل حرر حررت ",
    "returned": (
        "عودة عاد عادوا عادت عادا يعود تعود رجع رجعت رجعوا رجوع أعيد أعيدوا يعاد إعادة عودته عودتهم"
    ),
}
# Verbs after which those counted are people who did or underwent something else.
_NEUTRAL = (
    "أرسل أرسلت نشر نشرت شارك شاركت يشارك مشاركة تظاهر خرج خرجت خرجوا اجتمع هاجم هاجمت"
    " وصل وصلت وصول دخل دخلت دخول غادر غادرت مغادرة ضم ضمت يضم تضم نقل نقلت نقلوا رحل رحلت"
    " قال قالت أعلن أعلنت ذكر ذكرت أضاف أضافت أكد أكدت شن شنت نفذ نفذت تنفيذ استهدف"
    " استهدفت قصف قصفت أطلق أطلقت دمر دمرت تدمير فجر فجرت نشأ تمركز انتشر انتشرت عبر عبرت"
    " توغل توغلت حضر حضره حضور يقطن يسكن يعيش يعمل يتلقى تلقى يدرس يدير استقبل استقبلت"
    " يقيم يتحرك يتحركون قدم قدمت طالب طالبت حاصر حاصرت حوصر محاصرة داهم داهمت اقتحم"
    " اقتحمت عاين عاينت شمل شملت أجلى أجلت إجلاء أسعف أنقذ أنقذت إنقاذ عالج عالجت يعالج"
    " علاج استمع استمعت وظف درب دربت نجا نجت فر فرار فروا هرب هروب تجنيد جند إرسال أدلى"
    " انتخب ترشح بات باتت هدم هدمت تضرر تضررت أحرق أحرقت صادر صادرت مصادرة ألقى ألقت أدان"
    " أدانت إدانة تبرئة برأ برأت حاكم حاكمت محاكمة يتهم اتهام اتهم اتهمت يستهدف تدين يدين"
    " تعالج زار كتب أبعد إبعاد ساعد ساعدت مساعدة انضم انسحب انسحاب اعتصم احتج قاد يقود"
    " تجمع تجمعوا تهريب عزز عززت استدعى استدعت أيد رافق يرافق سلم سلمت تسليم يستضيف تستضيف"
    " تأوي تؤوي استضاف يشتبه تبحث استأجر"
)
_PREFIXES = ("", "و", "ف", "ب", "ل", "ول", "وب", "فب", "س", "وس", "فس")
_ARTICLES = ("ال", "وال", "بال", "لل", "فال", "وبال")
_SUFFIXES = ("", "ت", "وا", "تا", "ها", "هم", "هما", "نا", "ا")
_NO_VERBS = words_of("بفارق الفارق")
FALLEN = words_of("سقط سقطت سقطوا سقوط وسقط وسقطت وسقوط فسقط بسقوط لسقوط")
"""They kill people, and of things they say nothing."""


def _fold_all(words: str) -> list[str]:
    return [fold(word) for word in words.split()]


_TABLE: dict[str, What] = {
    **dict.fromkeys(_fold_all(_NEUTRAL), "people"),
    **{word: kind for kind, words in _VERBS.items() for word in _fold_all(words)},
}


@lru_cache(maxsize=65536)
def toll_of(word: str) -> What | None:
    """What `word` says became of people: people where it says something else than the kinds do."""
    folded = fold(word)
    # فُقد with its vowel is a verb; without it is far more often the particle.
    if "فُقد" in word:
        return "missing"
    if folded in _NO_VERBS:
        return None
    for prefix in (*_PREFIXES, *_ARTICLES):
        if not folded.startswith(prefix):
            continue
        stem = folded[len(prefix) :]
        for suffix in _SUFFIXES:
            if stem.endswith(suffix) and len(stem) - len(suffix) >= 2:
                found = _TABLE.get(stem[: len(stem) - len(suffix)] if suffix else stem)
                # A noun with its article is no verb that merely keeps a clause apart (على الشكل).
                if found is not None and not (found == "people" and prefix in _ARTICLES):
                    return found
    return None


@lru_cache(maxsize=65536)
def noun_kind(word: str) -> What | None:
    """The kind of a noun met in a sentence, whose clitics nobody has taken off."""
    folded = fold(word)
    for prefix in ("", "ال", "و", "وال", "ب", "بال", "ل", "لل", "ف"):
        if folded.startswith(prefix) and len(folded) - len(prefix) > 2:
            found = kind_of(folded[len(prefix) :])
            if found is not None:
                return found
    return None

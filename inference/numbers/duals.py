"""Tells duals (جنديان, سيدتين, قذيفتي) from words that only look like them (شبان, حوثيين)."""

import re
from functools import lru_cache
from typing import NamedTuple

from inference.numbers.nouns import has_sound_plural, is_known
from inference.numbers.spelling import FATHA, KASRA, SHADDA, bare, fold, words_of


class Dual(NamedTuple):
    """A word that is, or may be, two of something."""

    singular: str
    certain: bool
    """False where the same letters may be a plural, and the text around must tell."""
    construct: bool
    """It needs a noun after it (قذيفتي هاون)."""


_CLITICS = ("", "و", "ال", "وال", "بال", "لل", "ب", "ل", "ف", "ك", "وب", "ول", "وبال", "ولل", "فال")
_PRONOUNS = "(?:هما|هم|هن|ها|ه|نا|كما|كم|ك)"
_FORMS = (
    # (pattern, what the singular has in the ending's place, construct, a plural may look the same)
    (re.compile(r"(.{2,})(تان)$"), "ة", False, False),
    (re.compile(r"(.{2,})(تين)$"), "ة", False, False),
    (re.compile(r"(.{2,})(ان)$"), "", False, False),
    (re.compile(r"(.{2,})(ين)$"), "", False, True),
    (re.compile(rf"(.{{2,}})(تا){_PRONOUNS}$"), "ة", False, False),
    (re.compile(rf"(.{{2,}})(تي){_PRONOUNS}$"), "ة", False, False),
    (re.compile(rf"(.{{1,}})(ا){_PRONOUNS}$"), "", False, False),
    (re.compile(rf"(.{{2,}})(ي){_PRONOUNS}$"), "", False, True),
    (re.compile(r"(.{2,})(تا)$"), "ة", True, False),
    (re.compile(r"(.{2,})(تي)$"), "ة", True, False),
    (re.compile(r"(.{2,})(ا)$"), "", True, False),
    (re.compile(r"(.{2,})(ي)$"), "", True, True),
)
_SINGULARS = {
    fold(stem): word
    for stem, word in {
        "مستشفي": "مستشفى",
        "مشفي": "مشفى",
        "مبني": "مبنى",
        "مقهي": "مقهى",
        "مأوي": "مأوى",
        "فتي": "فتى",
        "أخو": "أخ",
        "أبو": "أب",
        "جزأ": "جزء",
        "كاميرة": "كاميرا",
    }.items()
}
_NOT_DUALS = words_of(
    # Broken plurals.
    "شبان فرسان قضبان جيران نيران ثيران فئران صبيان غلمان رهبان عميان خرفان غزلان قطعان"
    " حيطان جدران وديان رعيان شجعان إخوان نسوان سكان جيران بلدان ألوان أوطان أركان أعيان"
    " أسنان أبدان أثمان أوزان أديان ألحان لجان أفنان ركبان شطآن قمصان حيتان جرذان عربان"
    " بنيان قرآن بساتين سكاكين شياطين مساكين قوانين عناوين براكين تمارين مضامين ثعابين"
    " فناجين موازين شرايين فدادين ملايين سنين بنين دواوين ميادين سلاطين طواحين عرائين"
    " قرابين مجانين فساتين أساطين زنازين معجبين دكاكين إنسان حيوان ميدان برلمان سرطان"
    " سلطان عنوان ديوان بيان كيان دخان حصان مكان ضمان زمان أمان لبنان عمان رمضان شعبان"
    " مهرجان امتحان فنجان فستان قبطان ربان فنان فدان جثمان طيران عدوان طوفان بركان دكان"
    " بستان إيمان حنان طغيان غليان حرمان فقدان خسران كتمان هذيان قرصان عصيان إعلان احتقان"
    " إدمان أفغانستان باكستان كردستان كمين سجين جنين يمين تأمين تعيين تكوين تلوين تمكين"
    " تدخين تحسين تأبين فلسطين ياسمين بنزين حزين ثمين أمين متين سمين طين عين دين حين ضغائن"
    " الآن كان أين بين ابن تلقين تطمين سكين تموين قرين عرين قطاعين فلتان بهتان شتان كتان"
    " ختان أربعين عشرين ثلاثين خمسين ستين سبعين ثمانين تسعين صامتين ثابتين ساكتين مصوتين"
    " متعنتين ميتين بائتين نحاتين ملتفتين مشتتين مثبتين قانتين"
)
_MAY_BE_BOTH = words_of("فتيان بلدان صبيان")
_SURE_CLITICS = frozenset(("و", "ال", "وال", "بال", "لل"))
"""What is taken off an unknown word too; ب or ل is more often a letter of it."""


@lru_cache(maxsize=65536)
def find_dual(word: str) -> Dual | None:
    """The dual that `word` is or may be, seen alone; None where it is none."""
    letters = bare(word)
    guess: Dual | None = None
    guessed_with = None
    for clitic in _CLITICS:
        if not letters.startswith(clitic) or len(letters) < len(clitic) + 3:
            continue
        stem = letters[len(clitic) :]
        folded = fold(stem)
        if folded in _NOT_DUALS and folded not in _MAY_BE_BOTH:
            return None
        for form, rest, construct, like_plural in _FORMS:
            match = form.match(stem)
            if match is None:
                continue
            singular = match[1] + rest
            singular = _SINGULARS.get(fold(singular), singular)
            known = is_known(singular)
            signed = _is_signed(word, match[2])
            if signed is False:
                return None
            if known and not (construct and clitic in ("ب", "ك", "ف", "ل") and len(match[1]) < 3):
                if construct and word.endswith("ي" + SHADDA):
                    construct = False  # ولديّ: my two
                certain = signed is True or not (
                    (like_plural and has_sound_plural(singular))
                    or (folded in _MAY_BE_BOTH and SHADDA not in word)
                )
                return Dual(singular, certain, construct)
            fresh = guess is None or (clitic in _SURE_CLITICS and guessed_with != clitic)
            if fresh and _may_be_unknown(match[2], construct):
                certain = signed is True or (
                    len(match[1]) > (3 if match[2] == "ان" else 2)
                    and match[2] in ("تان", "تين", "ان")
                )
                guess, guessed_with = Dual(singular, certain, construct), clitic
    return guess


def _is_signed(word: str, ending: str) -> bool | None:
    """What the vowel before -ي- says: True a dual, False a plural, None nothing."""
    if "ي" not in ending:
        return None
    at = word.rfind("ين") if ending.endswith("ين") else word.rfind("ي")
    before = word[max(0, at - 2) : at]
    if FATHA in before:
        return True
    if KASRA in before:
        return False
    return True if word[at + 1 : at + 2] == "\u0652" else None


def _may_be_unknown(ending: str, construct: bool) -> bool:
    """Whether an unknown word may be taken for a dual at all: not every word in -ي or -ا."""
    return not construct and ending in ("تان", "تين", "ان", "ين", "تا", "تي")

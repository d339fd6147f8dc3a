"""Writes numbers in Arabic words by the rules of grammar, for reading them back.

Knows nothing of `inference.numbers`: its tables are its own.
"""

import re
from typing import Literal

Gender = Literal["m", "f"]
"""Of what is counted: three men are ثلاثة, three women ثلاث."""
Case = Literal["nominative", "genitive"]

_ONES = {
    "m": ["", "واحد", "", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة", "عشرة"],
    "f": ["", "واحدة", "", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثمان", "تسع", "عشر"],
}
_TWO = {
    ("m", "nominative"): "اثنان",
    ("m", "genitive"): "اثنين",
    ("f", "nominative"): "اثنتان",
    ("f", "genitive"): "اثنتين",
}
_TENS = ["", "", "عشر", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثمان", "تسع"]
_HUNDREDS = ["", "", "", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثمان", "تسع"]
_THOUSAND = ("ألف", "ألف", "آلاف", "ألفاً")
_MILLION = ("مليون", "مليون", "ملايين", "مليوناً")


def spell(number: int, gender: Gender = "m", case: Case = "nominative", noun: bool = False) -> str:
    """`number` (0 to 999,999,999) in words; before a `noun` a dual loses its ن (مئتا رجل)."""
    if number == 0:
        return "صفر"
    millions, thousands, rest = number // 1_000_000, number // 1_000 % 1_000, number % 1_000
    parts = []
    if millions:
        parts.append(_times(millions, _MILLION, case, noun and not thousands and not rest))
    if thousands:
        parts.append(_times(thousands, _THOUSAND, case, noun and not rest))
    if rest:
        parts.append(_below_thousand(rest, gender, case, noun))
    return " و".join(parts)


def _times(count: int, names: tuple[str, str, str, str], case: Case, construct: bool) -> str:
    one, hundred, few, many = names
    if count == 1:
        return one
    if count == 2:
        return one + _dual(case, construct)
    tail = count % 100
    name = few if 3 <= tail <= 10 else many if tail >= 11 else hundred
    return f"{_below_thousand(count, 'm', case, True)} {name}"


def _dual(case: Case, construct: bool) -> str:
    ending = "ا" if case == "nominative" else "ي"
    return ending if construct else {"ا": "ان", "ي": "ين"}[ending]


def _below_thousand(number: int, gender: Gender, case: Case, noun: bool) -> str:
    hundreds, tail = divmod(number, 100)
    parts = []
    if hundreds == 1:
        parts.append("مئة")
    elif hundreds == 2:
        parts.append("مئت" + _dual(case, noun and not tail))
    elif hundreds:
        parts.append(_HUNDREDS[hundreds] + "مئة")
    if tail:
        parts.append(_below_hundred(tail, gender, case))
    return " و".join(parts)


def _below_hundred(number: int, gender: Gender, case: Case) -> str:
    tens, ones = divmod(number, 10)
    if number == 2:
        return _TWO[gender, case]
    if number <= 10:
        return _ONES[gender][number]
    if tens == 1:
        ten = "عشر" if gender == "m" else "عشرة"
        if ones == 1:
            return ("أحد " if gender == "m" else "إحدى ") + ten
        if ones == 2:
            return _TWO[gender, case][:-1] + " " + ten
        unit = "ثماني" if ones == 8 and gender == "f" else _ONES[gender][ones]
        return f"{unit} {ten}"
    written = _TENS[tens] + ("ون" if case == "nominative" else "ين")
    if not ones:
        return written
    unit = _TWO[gender, case] if ones == 2 else _ONES[gender][ones]
    if ones == 1 and gender == "f" and tens % 2:
        unit = "إحدى"
    return f"{unit} و{written}"


def respell(words: str, habit: int) -> str:
    """`words` as one of eight hands writes them, told by `habit`."""
    match habit % 8:
        case 1:
            return words.replace("مئ", "مائ")
        case 2:
            return words.translate(str.maketrans("أإآ", "ااا"))
        case 3:
            return words.replace("مئة", "ميه").replace("ة", "ه")
        case 4:
            # Every letter with a vowel sign, as in a schoolbook.
            return "".join(sign + "\u064e" if "ء" <= sign <= "ي" else sign for sign in words)
        case 5:
            for fused in _HUNDREDS[3:]:
                words = words.replace(fused + "مئة", fused + " مئة")
            return words
        case 6:
            return "و" + words
        case 7:
            return re.sub(r"ثمان\b", "ثماني", words).replace("ا", "اـ")
    return words

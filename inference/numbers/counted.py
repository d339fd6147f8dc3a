"""The noun that is counted, bare: of the span itself, or after من where the span has none."""

import re
from collections.abc import Sequence
from functools import lru_cache

from annotation.report import Span
from inference.numbers.nouns import kind_of
from inference.numbers.phrase import Phrase
from inference.numbers.spelling import TANWIN, bare, fold, words_of
from inference.numbers.wording import read_phrase

_NO_NOUN = words_of(
    "دون اصل بين كل جانب قبل خلال غير حيث تلك هذه هذا هؤلاء هولاء ذوي جهه هنا هناك اجل"
    " ضمن مجموع دونهم بينهم منهم الجانبين الطرفين الجانب الطرف الجنسيه تحت عند فوق"
)
_BODIES = words_of(
    "فصائل الفصائل فصيل قوات القوات تشكيلات التشكيلات ميليشيا ميليشيات الميليشيات مليشيا"
    " حزب تنظيم التنظيم جيش الجيش فرقه الفرقه لواء اللواء حركه الحركه جماعه الجماعه هيئه"
    " كتيبه كتائب الفيلق فيلق الشرطه شرطه الامن امن جهاز قبيله عشيره طرف منظمه شركه وزاره"
    " نظام النظام عشائر العشائر طاقم فريق"
)
"""Bodies that people belong to: 197 من فصائل الجيش الوطني are not so many factions."""
_PRONOUN = re.compile(r"(?<=.{3})(?:هما|هم|هن|ها|ه|نا)$")
_ENDS_IN_ALIF = words_of("كاميرا دشكا فيلا باشا دراما صوفا مرسا بيتزا")


def bare_noun(noun: str, phrase: Phrase) -> str:
    """`noun` without marks, case ending and, after a vague quantity, its article."""
    return _bare_noun(noun, 11 <= phrase.high % 100 <= 99, phrase.vague)


@lru_cache(maxsize=65536)
def _bare_noun(noun: str, of_tens: bool, vague: bool) -> str:
    letters = bare(noun)
    if (
        (TANWIN in noun or (of_tens and not vague))
        and letters.endswith("ا")
        and len(letters) > 3
        and letters not in _ENDS_IN_ALIF
    ):
        letters = letters[:-1]
    if (
        letters.startswith("ال")
        and len(letters) > 4
        and (vague or kind_of(letters[2:]) is not None)
    ):
        letters = letters[2:]
    return letters


def noun_after_min(text: str, span: Span, right: list[str], spans: Sequence[Span]) -> str | None:
    """The noun after من where the span holds the number alone: 4 من عناصر الحشد."""
    if len(right) < 2 or not right[1][0].isalpha():
        return None
    noun = right[1]
    start = text.index(noun, span.end)
    if any(s.start <= start < s.end and s.label != "COUNT" for s in spans):
        return None
    if fold(noun) in ("تلك", "هذه", "هولاء") and len(right) > 2 and right[2][0].isalpha():
        noun = right[2]
    letters = bare(noun)
    if not letters or fold(letters) in _NO_NOUN or fold(letters) in _BODIES or _is_number(letters):
        return None
    if letters.startswith("ال"):
        return letters[2:] if len(letters) > 4 else letters
    stem = _PRONOUN.sub("", letters)
    if stem == letters:
        return letters
    if stem.endswith("ئ"):
        return stem[:-1] + "ء"
    if stem.endswith("ي"):
        return stem + "ن"
    return stem[:-1] + "ة" if stem.endswith("ت") and kind_of(stem[:-1] + "ة") else stem


def _is_number(word: str) -> bool:
    return word[0].isdecimal() or isinstance(read_phrase(word), Phrase)

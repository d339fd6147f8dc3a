"""Number words in every gender, case and spelling, and the numbers that they make together."""

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from inference.numbers.spelling import TANWIN, fold, words_of


class Rank(IntEnum):
    """What a number word does among others."""

    UNIT = 1
    """1 to 9."""
    TEN = 2
    """عشرة, which also makes 11 to 19 of the unit before it."""
    TEENS = 3
    """11 to 19 in one word, as they are spoken."""
    TENS = 4
    """20 to 90."""
    HUNDRED = 5
    """مئة alone or after a unit: ثلاث مئة."""
    HUNDREDS = 6
    """200 to 900 in one word."""
    MAGNITUDE = 7
    """ألف, مليون, مليار."""
    MAGNITUDES = 8
    """آلاف: many of them, unless a number stands before."""
    TWO_MAGNITUDES = 9
    """ألفان."""
    FRACTION = 10
    """نصف, ربع: so many hundredths of the magnitude beside it."""
    FEW = 11
    """بضعة."""
    DOZENS = 12
    """عشرات, مئات."""
    MORE = 13
    """نيف."""


class Numeral(NamedTuple):
    """A word that is (part of) a number."""

    rank: Rank
    value: int
    waw: bool
    """It is joined to what precedes it by و."""
    article: bool
    may_be_weekday: bool


# Written folded (inference/numbers/spelling.py): one alif, ه for ة, ي for ى and ئ, no marks.
_UNITS = {
    1: "احد احدي احدا واحد واحده واحدا",
    2: (
        "اثنان اثنين اثنا اثني اثنتان اثنتين اثنتا اثنتي ثنتان ثنتين ثنتا ثنتي اتنان اتنين"
        " اتنا اتني تنين تنان اثنينا"
    ),
    3: "ثلاث ثلاثه ثلاثا تلات تلاته تلاتا تلت تلته",
    4: "اربع اربعه اربعا",
    5: "خمس خمسه خمسا",
    6: "ست سته ستا",
    7: "سبع سبعه سبعا",
    8: "ثمان ثماني ثمانيه ثمانيا ثمانا تمان تماني تمانيه تمانيا تمن تمنيه",
    9: "تسع تسعه تسعا",
}
_SPOKEN_TEENS = {
    11: "احدعش احداعش حداعش احدعشر",
    12: "اثنعش اثناعش اتنعش اطنعش اثناعشر اثنيعشر",
    13: "ثلاثطعش ثلثطعش تلتطعش تلاتطعش ثلطعش ثلاثتعش تلطعش",
    14: "اربعطعش اربعتعش",
    15: "خمسطعش خمستعش خمصطعش",
    16: "ستطعش سطعش ستعش",
    17: "سبعطعش سبعتعش",
    18: "ثمنطعش تمنطعش ثمانطعش ثمنتعش تمنتعش",
    19: "تسعطعش تسعتعش",
}
_TENS = {
    20: "عشرون عشرين",
    30: "ثلاثون ثلاثين تلاتين تلاتون",
    40: "اربعون اربعين",
    50: "خمسون خمسين",
    60: "ستون ستين",
    70: "سبعون سبعين",
    80: "ثمانون ثمانين تمانين تمانون",
    90: "تسعون تسعين",
}
_HUNDRED = "ميه مايه"
_HUNDREDS = {
    2: ("ميت", "مايت"),
    3: ("ثلاث", "ثلث", "تلات", "تلت"),
    4: ("اربع",),
    5: ("خمس",),
    6: ("ست",),
    7: ("سبع",),
    8: ("ثمان", "ثماني", "ثمن", "تمان", "تمن"),
    9: ("تسع",),
}
_MAGNITUDES = {
    1_000: ("الف الفا", "الاف الوف الافا", "الفان الفين الفي"),
    1_000_000: ("مليون مليونا", "ملايين", "مليونان مليونين مليوني"),
    1_000_000_000: (
        "مليار مليارا بليون بليونا",
        "مليارات بلايين",
        "ملياران مليارين ملياري بليونان بليونين بليوني",
    ),
}
_FRACTIONS = {50: "نصف نص", 25: "ربع"}
_FEW = "بضع بضعه عده"
_DOZENS = {10: "عشرات", 100: "ميات مايات"}
_LIKE_DEAD = ("ميتا", "ميتي", "ميتين", "ميتان")
_WEEKDAYS = words_of("الاحد الاثنين الاربعا")
_JOINTS = (("و", True, False), ("وال", True, True), ("ال", False, True))
_CLITICS = (
    *_JOINTS,
    ("لل", False, True),
    ("ولل", True, True),
    ("بال", False, True),
    ("وبال", True, True),
    ("فال", False, True),
    ("كال", False, True),
    ("ب", False, False),
    ("ل", False, False),
    ("ف", False, False),
    ("ك", False, False),
    ("وب", True, False),
    ("ول", True, False),
    ("وك", True, False),
    ("فب", False, False),
    ("فل", False, False),
)


def _spell() -> Iterator[tuple[str, Rank, int]]:
    for table, rank in (
        (_UNITS, Rank.UNIT),
        (_SPOKEN_TEENS, Rank.TEENS),
        (_TENS, Rank.TENS),
        (_FRACTIONS, Rank.FRACTION),
        (_DOZENS, Rank.DOZENS),
    ):
        for value, words in table.items():
            yield from ((word, rank, value) for word in words.split())
    yield from ((word, Rank.TEN, 10) for word in ("عشر", "عشره", "عشرا"))
    yield from ((word, Rank.HUNDRED, 100) for word in _HUNDRED.split())
    for hundreds, stems in _HUNDREDS.items():
        endings = ("ان", "ين", "ا", "ي") if hundreds == 2 else _HUNDRED.split()
        for stem in stems:
            yield from ((stem + ending, Rank.HUNDREDS, hundreds * 100) for ending in endings)
    for magnitude, (one, many, two) in _MAGNITUDES.items():
        yield from ((word, Rank.MAGNITUDE, magnitude) for word in one.split())
        yield from ((word, Rank.MAGNITUDES, magnitude) for word in many.split())
        yield from ((word, Rank.TWO_MAGNITUDES, magnitude) for word in two.split())
    yield from ((word, Rank.FEW, 0) for word in _FEW.split())
    yield ("نيف", Rank.MORE, 0)
    yield ("نيفا", Rank.MORE, 0)


_WORDS = {word: (rank, value) for word, rank, value in _spell()}


@lru_cache(maxsize=65536)
def find_numeral(word: str, first: bool = False) -> Numeral | None:
    """What `word` is among number words; before the `first` one, ب and ل and the like may stand."""
    folded = fold(word)
    known = _WORDS.get(folded)
    if not first and not folded.startswith("و") and may_be_dead(word):
        return None
    if known is not None:
        return Numeral(*known, waw=False, article=False, may_be_weekday=False)
    for clitic, waw, article in _CLITICS if first else _JOINTS:
        if folded.startswith(clitic):
            known = _WORDS.get(folded[len(clitic) :])
            if known is not None:
                return Numeral(*known, waw, article, folded in _WEEKDAYS)
    return None


def may_be_dead(word: str) -> bool:
    """Whether a word for 200 without its hamza may be the word for the dead (ميتين)."""
    return "ئ" not in word and fold(word).endswith(_LIKE_DEAD)


def may_be_two(word: str) -> bool:
    """Whether a word for a magnitude may be the dual before its noun: ألفا عائلة, not ألفاً."""
    return TANWIN not in word and fold(word).endswith(("لفا", "ليونا", "ليارا"))

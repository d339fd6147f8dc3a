"""The words by which errors are told apart: those that other rooms know, and what they lack.

Words are compared folded, whatever proclitic, article or pronoun is written with them.
"""

from functools import lru_cache

import regex

from annotation.words import FOREIGN_LETTER, find_words
from inference.actors.heads import HEADS, ORDINALS
from inference.names.letters import folded
from inference.names.proclitics import PREFIXES
from inference.numbers.nouns import PERSONAL, kind_of
from inference.numbers.number_words import Rank, find_numeral
from inference.numbers.spelling import fold, words_of
from inference.places.adjectives import country_of
from inference.places.directions import DIRECTIONS, FRAMES, SURROUNDINGS, trailing_direction
from inference.places.kinds import KINDS
from inference.places.sites import ADJECTIVES, DOUBTFUL, ROADS, SURE
from inference.statements.calendar_words import MONTHS, SHORT_MONTHS, SPANS_OF_DAYS, WEEKDAYS
from inference.statements.lexicon import (
    APPROXIMATE,
    CLAUSE_WORDS,
    HOLDINGS,
    MEMBERS,
    PREPOSITIONS,
    bare_nouns,
    role_of,
)

DIGIT = regex.compile(r"\p{N}")
_OTHER_SCRIPT = regex.compile(rf"(?V1){FOREIGN_LETTER}")
_ARTICLE = "ال"
_SHORTEST_ADJECTIVE = 3
"""Letters between the article and the ending of an adjective of belonging: الحدودي."""


def _table(text: str) -> frozenset[str]:
    return frozenset(folded(word) for word in text.split())


_PARTY_HEADS = HEADS | _table(
    "وزارة مجلس حكومة محكمة مديرية قيادة رئاسة مكتب غرفة غرفتي نيابة مصالح سلطات سلطة دولة نظام "
    "تحالف ائتلاف اتحاد نقابة لجنة قسم دائرة بعثة مفوضية فوج كتيبة وحدة شرطة أمن جامعة برلمان "
    "مصرف بنك جريدة إعلام مؤسسات منظمات فصائل جيوش تنظيمات"
)
_PLACE_HEADS = (
    frozenset(KINDS)
    | frozenset(FRAMES)
    | frozenset(DIRECTIONS)
    | frozenset(SURROUNDINGS)
    | SURE
    | DOUBTFUL
    | ROADS
    | _table(
        "مدن بلدات قرى أحياء مناطق ولايات محافظات نهر وادي جبل جبال تل تلة تلال شارع دوار ساحة "
        "حديقة مقبرة مزرعة مزارع حقل غابة ثكنة مقر مبنى غرفة قاعة بلاد جسور مداخل مقام مزار مرقد "
        "جزيرة بحيرة ضفة مرتفعات"
    )
)
TITLES = words_of(
    "السيد سيد السيدة سيدة الدكتور دكتور الدكتورة الشيخ شيخ الحاج حاج الأستاذ أستاذ المهندس مهندس "
    "المحامي محام محامية الصحفي الصحفية الصحافي الناشط الناشطة الباحث الباحثة اللواء العميد العقيد "
    "المقدم الرائد النقيب الملازم الجنرال الفريق الوزير وزير رئيس الرئيس نائب النائب النائبة مدير "
    "المدير محافظ المحافظ السفير سفير المتحدث متحدث الناطق ناطق القيادي قيادي القائد قائد الأمير "
    "أمير زعيم الزعيم مستشار المستشار عضو الأمين أمين المرشد مرشد الرفيق الشاب الطفل الشهيد المدعو"
)
_NAMELESS = words_of("مسلحون مجهولون مجهول ملثم مصادر مصدر جهات جهة قوى فصائل ميليشيات شركاء ثوار")
_PARTICLES = (
    PREPOSITIONS | CLAUSE_WORDS | words_of("و ف ب ل ك ع بـ لـ أن إن أو أم لو ما لا لم لن قد هو هي")
)
_TIME_WORDS = (
    frozenset(name[0] for name in MONTHS) - SHORT_MONTHS
    | frozenset(WEEKDAYS)
    | frozenset(SPANS_OF_DAYS)
    | words_of(
        "اليوم أمس البارحة غد غدا صباح مساء فجر ظهر ضهر عصر عصرا ليل ليلة ليلا نهار صباحا "
        "فجرا ظهرا تاريخ توقيت رمضان محرم شوال صفر رجب شعبان"
    )
)
_AGE_WORDS = words_of("عمره عمرها عمرهم أعمارهم بعمر مواليد البالغ البالغة سن سنه عامه عامها العمر")
_CLOCK_WORDS = words_of("الساعة ساعة عام العام سنة السنة منذ")
_UNITS = words_of(
    "كم كيلومتر كيلومترا كيلومترات كيلو متر مترا أمتار متراً سم ملم مم ميل أميال كغ كيلوغرام "
    "كيلوغراما كيلوغرامات غرام غراما غرامات طن طنا أطنان لتر ليتر لترا لترات برميل هكتار هكتارا "
    "دونم دونما فدان درجة ميغاواط ميغا واط فولت بالمئة بالمائة المئة المائة مئوية"
)
_MONEY = words_of(
    "دولار دولارا دولارات ليرة ليرات دينار دينارا دنانير يورو ريال ريالا ريالات درهم درهما جنيه "
    "جنيها جنيهات شيكل شيقل فرنك روبل تومان سنت"
)
_NO_COUNT_BEHIND = words_of("عيار قطر رقم الرقم المادة مادة القانون قانون القرار قرار سعر ثمن")
_ORDINALS = words_of(
    "أول أولى ثان ثاني ثانية ثالث ثالثة رابع رابعة خامس خامسة سادس سادسة سابع سابعة ثامن ثامنة "
    "تاسع تاسعة عاشر عاشرة حادي حادية"
)
_VAGUE = words_of("بعض معظم عديد كثير مختلف جميع كل عدد أعداد")
_VERB_ROLES = frozenset(("act", "act_noun", "undergo", "undergo_noun", "lose", "report", "move"))


def words_in(text: str) -> list[str]:
    """The words of `text`, as they are written."""
    return [text[start:end] for start, end in find_words(text)]


def is_in_other_script(text: str) -> bool:
    """SY24, لـCNN: whether it has letters that are not Arabic."""
    return _OTHER_SCRIPT.search(text) is not None


def is_one_of(word: str, table: frozenset[str]) -> bool:
    """Whether `word` is in `table`, as it is or without what is written with it."""
    return any(stem in table for stem in _stems(word))


@lru_cache(maxsize=65536)
def _stems(word: str) -> tuple[str, ...]:
    """What a word may be without clitics, as both kinds of tables write it."""
    plain = fold(word)
    found = (plain, *bare_nouns(plain))
    return (*found, *(folded(stem) for stem in found))


def is_party_head(word: str) -> bool:
    """قوات, للوزارة: says what kind of party a name is of."""
    return is_one_of(word, _PARTY_HEADS)


def is_place_head(word: str) -> bool:
    """مدينة, بريف, مطار: says what kind of place a name is of, or where it lies from there."""
    return is_one_of(word, _PLACE_HEADS)


def is_building(word: str) -> bool:
    """منزل, مدرسة: a building, whatever it is called."""
    return any(kind_of(stem) == "buildings" for stem in _stems(word))


def is_member(word: str) -> bool:
    """عناصر, الشيخ, دورية: members and parts of a party, an office or a title."""
    return is_one_of(word, MEMBERS) or is_one_of(word, TITLES) or is_one_of(word, HOLDINGS)


def is_nameless(word: str) -> bool:
    """مسلحون, الأهالي: people, or a party told by what it is."""
    told = is_one_of(word, _NAMELESS) or is_member(word) or is_party_head(word)
    return told or any(kind_of(stem) in PERSONAL for stem in _stems(word))


def is_definite(word: str) -> bool:
    """Whether a word has the article, behind whatever proclitics."""
    plain = fold(word).lstrip("وف")
    return plain.startswith((_ARTICLE, "بال", "كال", "لل"))


def is_particle(word: str) -> bool:
    """و, في, من: a word that nothing is called."""
    return fold(word) in _PARTICLES


def is_proclitic(letters: str) -> bool:
    """Whether letters at the start of a word are what is written as one with it."""
    return folded(letters) in PREFIXES


def is_preposition(word: str) -> bool:
    """من, في, إلى: a place or a party may follow."""
    return fold(word) in PREPOSITIONS


def is_adjective(word: str) -> bool:
    """الشرقي, السورية, الحدودي, الثاني: a definite adjective, as far as its form tells."""
    plain = folded(word).removeprefix("و")
    if not plain.startswith(_ARTICLE):
        return False
    bare = plain[len(_ARTICLE) :]
    if country_of(plain) or plain in ADJECTIVES or bare in ORDINALS:
        return True
    if trailing_direction([plain])[0]:
        return True
    stem = bare.removesuffix("ه")
    return stem.endswith("ي") and len(stem) > _SHORTEST_ADJECTIVE


def is_nationality(word: str) -> bool:
    """أوزبكي, السورية, سورياً: the adjective of a country."""
    plain = folded(word).removeprefix("و")
    bare = plain.removeprefix(_ARTICLE)
    return any(country_of(_ARTICLE + form) for form in (bare, bare.removesuffix("ا")))


def is_approximator(word: str) -> bool:
    """نحو, حوالي, أكثر: tells how sure a number is."""
    return fold(word) in APPROXIMATE


def is_number(word: str) -> bool:
    """A word of a number, or digits."""
    return bool(DIGIT.search(word)) or find_numeral(word, True) is not None


def is_vague(word: str) -> bool:
    """عدة, بعض: an amount that nobody can tell."""
    numeral = find_numeral(word, True)
    few = (
        numeral is not None and numeral.rank == Rank.FEW and not fold(word).endswith(("بضع", "ضعه"))
    )
    return few or is_one_of(word, _VAGUE)


def is_ordinal(word: str) -> bool:
    """الثالث, رابعة."""
    return is_one_of(word, _ORDINALS)


def is_time(word: str) -> bool:
    """شباط, الأحد, ساعات, صباح: of dates, times and durations."""
    return is_one_of(word, _TIME_WORDS)


def tells_age_or_year(word: str) -> bool:
    """عمره, مواليد, الساعة: a number behind it is none of people or things."""
    return fold(word) in _AGE_WORDS or is_one_of(word, _CLOCK_WORDS)


def is_unit(word: str) -> bool:
    """كيلومتر, دولار: measured or paid, and not counted."""
    return is_one_of(word, _UNITS) or is_one_of(word, _MONEY)


def tells_no_count(word: str) -> bool:
    """عيار, رقم, سعر: a number behind it is no count."""
    return is_one_of(word, _NO_COUNT_BEHIND)


def is_verb(word: str) -> bool:
    """Whether a word is a known verb or verbal noun."""
    return role_of(word) in _VERB_ROLES

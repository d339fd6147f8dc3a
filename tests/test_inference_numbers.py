"""Numbers behind COUNT spans: every spelling, every bound, duals, kinds, and what is refused."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words
from spelled import respell, spell

from annotation.report import Span
from inference.numbers import Count, read_count


def count(marked: str) -> Count:
    """The count of the span in ⟦brackets⟧; `|` marks the other COUNT spans."""
    left, _, rest = marked.partition("⟦")
    span, _, right = rest.partition("⟧")
    text = left + span + right
    return read_count(text, Span(len(left), len(left) + len(span), "COUNT"))


def alone(text: str) -> Count:
    return read_count(text, Span(0, len(text), "COUNT"))


def exact(number: int) -> tuple[int, int, int, str]:
    return number, number, number, "exact"


def figures(count: Count) -> tuple[int | None, int | None, int | None, str | None]:
    return count.value, count.minimum, count.maximum, count.bound


# Number words


@pytest.mark.parametrize("gender", ["m", "f"])
def test_every_number_below_a_hundred_thousand_is_read_back(gender: str) -> None:
    cases = ("nominative", "genitive")
    for number in range(100_000):
        # 8 and 2 have no common period with the digits, so that every habit meets every word.
        written = respell(spell(number, gender, cases[number // 7 % 2]), number // 3)
        assert alone(written).value == number, written


@pytest.mark.parametrize("gender", ["m", "f"])
def test_a_hundred_thousand_numbers_below_a_thousand_million_are_read_back(gender: str) -> None:
    draw = random.Random(gender)
    for _ in range(50_000):
        number = draw.randrange(10 ** draw.randint(5, 9))
        written = respell(spell(number, gender, draw.choice(("nominative", "genitive"))), number)
        assert alone(written).value == number, written


@given(
    st.integers(3, 999_999_999),
    st.sampled_from([("m", "رجل", "رجال", "رجلاً"), ("f", "شاحنة", "شاحنات", "شاحنةً")]),
    st.sampled_from(["nominative", "genitive"]),
    st.integers(0, 7),
)
def test_a_number_with_its_noun_is_read_back(
    number: int, nouns: tuple[str, str, str, str], case: str, habit: int
) -> None:
    gender, singular, plural, accusative = nouns
    tail = number % 100
    noun = plural if 3 <= tail <= 10 else accusative if tail >= 11 else singular
    written = f"{respell(spell(number, gender, case, noun=True), habit)} {noun}"
    found = alone(written)
    assert figures(found) == exact(number), written
    assert found.counted == (plural if 3 <= tail <= 10 else singular)


def test_numbers_as_num2words_writes_them_are_read_back() -> None:
    draw = random.Random(8)
    numbers = [*range(1_100), *(draw.randrange(10 ** draw.randint(4, 9)) for _ in range(3_000))]
    read = 0
    for number in numbers:
        thousands, rest = number // 1_000 % 1_000, number % 1_000
        # It writes 2,000 as the ألفا that needs a noun, and 101,000 as «مائة و ألف ألف».
        if any(part > 2 and part % 100 in (1, 2) for part in (thousands, number // 1_000_000)):
            continue
        if not rest and (thousands == 2 or (not thousands and number // 1_000_000 == 2)):
            continue
        written = num2words(number, lang="ar")
        assert alone(written).value == number, written
        read += 1
    assert read > 3_900


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("مئة", 100),
        ("مائة", 100),
        ("ميه", 100),
        ("مية", 100),
        ("ثمان", 8),
        ("ثماني", 8),
        ("ثمانٍ", 8),
        ("تمانية", 8),
        ("إحدى عشرة", 11),
        ("احدى عشره", 11),
        ("أحد عشر", 11),
        ("مئة وأحد عشر", 111),
        ("مئة واحد عشر", 111),
        ("مئتين واحد وعشرين", 221),
        ("اثنتا عشرة", 12),
        ("اطنعش", 12),
        ("خمسطعش", 15),
        ("تلاتة", 3),
        ("ثَلاثَةٌ وعِشْرُونَ", 23),
        ("ثـــلاثة", 3),
        ("وستة وثلاثون", 36),
        ("بستة وثلاثين", 36),
        ("لثلاثة", 3),
        ("الثلاثة والعشرون", 23),
        ("ست مئة", 600),
        ("ثلاثمائة وخمس", 305),
        ("مئتا ألف", 200_000),
        ("ألفان", 2_000),
        ("ألفين وخمسمئة", 2_500),
        ("ألفاً ومئة", 1_100),
        ("الفا ومئة", 1_100),
        ("خمسةآلاف", 5_000),
        ("مليون ونصف المليون", 1_500_000),
        ("ثلاثة ملايين ونصف", 3_500_000),
        ("مليونان وربع المليون", 2_250_000),
        ("نصف مليون", 500_000),
        ("ربع مليون", 250_000),
        ("مليونين ومئتي ألف", 2_200_000),
        ("ثلاثة مليارات", 3_000_000_000),
        ("صفر", 0),
    ],
)
def test_a_number_is_read_in_every_spelling(written: str, number: int) -> None:
    assert figures(alone(written)) == exact(number)


def test_two_thousand_before_a_noun_is_told_from_one_thousand() -> None:
    assert alone("ألفا عائلة").value == 2_000
    assert alone("ألفاً").value == 1_000
    assert alone("أحد عشر ألفا").value == 11_000


# Digits


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1250", 1_250),
        ("1,250", 1_250),
        ("1.250", 1_250),
        ("١٬٢٥٠", 1_250),
        ("١٢٥٠", 1_250),
        ("۱۲۵۰", 1_250),
        ("١,٢٥٠", 1_250),
        ("١،٢٥٠", 1_250),
        ("1'250", 1_250),
        ("1’250", 1_250),
        ("1 250", 1_250),
        ("1\u00a0250\u202f300", 1_250_300),
        ("12,345,678", 12_345_678),
        ("1.250,00", 1_250),
        ("٧٫٩٠٠", 7_900),
        ("7،7 مليون", 7_700_000),
        ("2,4 مليون", 2_400_000),
        ("2.4 مليون", 2_400_000),
        ("١٫٠٤ مليون", 1_040_000),
        ("3 آلاف و118", 3_118),
        ("مليون و800 ألف", 1_800_000),
        ("48 ألفاً", 48_000),
        ("و77", 77),
        ("بـ58", 58),
        ("ب58", 58),
        ("لـ240", 240),
        ("الـ28", 28),
        ("٠", 0),
        ("9,223,372,036,854,775,807", 2**63 - 1),
        ("999,999,999", 999_999_999),
    ],
)
def test_digits_of_every_script_and_separators_of_every_habit(written: str, number: int) -> None:
    assert figures(alone(written)) == exact(number)


@given(st.integers(1, 999_999_999), st.sampled_from("٠۰0०"), st.sampled_from(["", ",", ".", "٬"]))
def test_digits_are_read_back_in_any_script_and_grouping(
    number: int, zero: str, separator: str
) -> None:
    written = f"{number:,}".replace(",", separator)
    written = "".join(chr(ord(zero) + int(c)) if c.isdecimal() else c for c in written)
    assert figures(alone(written)) == exact(number)


def test_digits_stuck_to_their_noun_are_parted_from_it() -> None:
    found = alone("ب12صاروخ")
    assert (found.value, found.counted, found.what) == (12, "صاروخ", "shells")


# Bounds


@pytest.mark.parametrize(
    ("marked", "bound"),
    [
        ("في القرية ⟦300 عائلة⟧.", "exact"),
        ("في القرية أكثر من ⟦300 عائلة⟧.", "at_least"),
        ("وأكثر من ⟦300 عائلة⟧ في العراء", "at_least"),
        ("نزح ما لا يقل عن ⟦300 عائلة⟧", "at_least"),
        ("عدد لا يقل عن ⟦300⟧", "at_least"),
        ("نزحت ⟦300 عائلة⟧ على الأقل", "at_least"),
        ("نزحت ⟦300⟧ من العائلات الفقيرة على الأقل", "at_least"),
        ("نزحت ⟦300 عائلة⟧ (على الأقل)", "at_least"),
        ("نزحت ⟦300 عائلة⟧ كحد أدنى", "at_least"),
        ("نزحت ⟦300 عائلة⟧ أو أكثر", "at_least"),
        ("نزح ما يزيد على ⟦300 عائلة⟧", "at_least"),
        ("يزيد عددهم عن ⟦300⟧", "at_least"),
        ("تجاوز عدد القتلى ⟦300⟧", "at_least"),
        ("وقد تجاوزوا ⟦300⟧", "at_least"),
        ("يفوق عددهم ⟦300⟧", "at_least"),
        ("والجرحى فوق ⟦الـ300⟧", "at_least"),
        ("لن يقبل بأقل من ⟦300 مقعد⟧", "at_least"),
        ("⟦مئة ونيف⟧", "at_least"),
        ("نزحت أقل من ⟦300 عائلة⟧", "at_most"),
        ("لا يتجاوز عددهم ⟦300⟧", "at_most"),
        ("لم تتجاوز ⟦300⟧", "at_most"),
        ("لا يزيد عددهم على ⟦300⟧", "at_most"),
        ("لا يزيد قوام الواحدة منها على ⟦سبعة أفراد⟧", "at_most"),
        ("عدد يصل إلى ⟦300⟧", "at_most"),
        ("يصل عددهم إلى ⟦300 شخص⟧", "at_most"),
        ("نزحت ⟦300 عائلة⟧ على الأكثر", "at_most"),
        ("لا تتسع القاعة لأكثر من ⟦300 شخص⟧", "at_most"),
        ("لا أظن أن عددهم جميعاً يتجاوز ⟦300⟧", "at_most"),
        ("نزحت نحو ⟦300 عائلة⟧", "about"),
        ("بنحو ⟦300 عائلة⟧", "about"),
        ("حوالي ⟦300 عائلة⟧", "about"),
        ("قرابة ⟦300 عائلة⟧", "about"),
        ("زهاء ⟦300 عائلة⟧", "about"),
        ("ما يقارب ⟦300 عائلة⟧", "about"),
        ("ما يقرب من ⟦300 عائلة⟧", "about"),
        ("يناهز عددها ⟦300⟧", "about"),
        ("نزحت ⟦300 عائلة⟧ تقريباً", "about"),
    ],
)
def test_the_words_around_a_number_bound_it(marked: str, bound: str) -> None:
    found = count(marked)
    number = 7 if "سبعة" in marked else 100 if "نيف" in marked else 300
    assert figures(found) == (
        number,
        number if bound in ("exact", "at_least") else None,
        number if bound in ("exact", "at_most") else None,
        bound,
    )


@pytest.mark.parametrize(
    "marked",
    [
        "ليصل عدد القتلى إلى ⟦300⟧",
        "وصل عدد القتلى إلى ⟦300⟧",
        "ارتفع العدد إلى ⟦300⟧",
        "أوقفت الشرطة حتى الآن ⟦300 شخص⟧",
        "بالقرب من ⟦300 خيمة⟧",
        "حلقت الطائرة فوق ⟦300 خيمة⟧",
        "ولا تصل الرسالة إلا إلى ⟦300 شخص⟧",
        "قتل 20 على الأقل و⟦300⟧ آخرون",
        "⟦300 شخص⟧ عبروا، وعاد خمسة على الأقل",
        "أكثر من قرية نزحت. ⟦300 عائلة⟧",
    ],
)
def test_words_that_only_look_like_a_bound_leave_the_number_exact(marked: str) -> None:
    assert figures(count(marked)) == exact(300)


def test_two_things_that_are_passed_are_not_exceeded() -> None:
    assert figures(count("تجاوز القطار ⟦إشارتين⟧ حمراوين")) == exact(2)
    assert figures(count("تجاوز ⟦إشارتين⟧ حمراوين")) == exact(2)


# Ranges


@pytest.mark.parametrize(
    ("first", "second", "low", "high", "noun"),
    [
        ("بين ⟦5⟧ و7 عناصر", "بين 5 ⟦و7 عناصر⟧", 5, 7, "عناصر"),
        ("ما بين ⟦خمسة⟧ وسبعة", "ما بين خمسة ⟦وسبعة⟧", 5, 7, None),
        ("من ⟦10⟧ إلى 12 شخصاً", "من 10 إلى ⟦12 شخصاً⟧", 10, 12, "شخص"),
        ("⟦عشرين⟧ أو ثلاثين صندوقاً", "عشرين أو ⟦ثلاثين صندوقاً⟧", 20, 30, "صندوق"),
        ("⟦بمركبتين⟧ أو ثلاث باتت تمر", "بمركبتين أو ⟦ثلاث⟧", 2, 3, "مركبة"),
        ("بين ⟦5⟧ و7 آلاف مقاتل", "بين 5 ⟦و7 آلاف مقاتل⟧", 5_000, 7_000, "مقاتل"),
        ("بين ⟦3,500⟧ و5 آلاف رجل", "بين 3,500 ⟦و5 آلاف رجل⟧", 3_500, 5_000, "رجل"),
        ("بين ⟦12 ألف صاروخ⟧ و15 ألفاً", "بين 12 ألف صاروخ ⟦و15 ألفاً⟧", 12_000, 15_000, "صاروخ"),
        ("بين ⟦مئة⟧ ومئة وعشرين رجلاً", "بين مئة ⟦ومئة وعشرين رجلاً⟧", 100, 120, "رجل"),
        ("نحو ⟦5⟧ - 7 عناصر", "نحو 5 - ⟦7 عناصر⟧", 5, 7, "عناصر"),
    ],
)
def test_both_ends_of_a_range_hold_the_range(
    first: str, second: str, low: int, high: int, noun: str | None
) -> None:
    for marked in (first, second):
        found = count(marked)
        assert figures(found) == (None, low, high, "range"), marked
        assert found.counted == noun


@pytest.mark.parametrize(
    "written", ["5-7 عناصر", "٥ – ٧ عناصر", "5 إلى 7 عناصر", "خمسة أو سبعة عناصر"]
)
def test_a_range_in_one_span(written: str) -> None:
    found = alone(written)
    assert figures(found) == (None, 5, 7, "range")
    assert found.counted == "عناصر"


@pytest.mark.parametrize(
    ("marked", "number"),
    [
        ("ارتفعت الحصيلة من ⟦10⟧ إلى 12 قتيلاً", 10),
        ("ارتفعت الحصيلة من 10 إلى ⟦12 قتيلاً⟧", 12),
        ("تراجع العدد من ⟦31⟧ إلى 18 حاجزاً", 31),
        ("توزع القتلى بين ⟦12 جندياً⟧ و15 مدنياً", 12),
        ("توزع القتلى بين 12 جندياً ⟦و15 مدنياً⟧", 15),
        ("نُزع منذ 2018 إلى ⟦2500 لغم⟧", 2500),
        ("الفرق بين ⟦1,472⟧ و1,473 إنسان", 1472),
        ("الفرق بين 1,472 ⟦و1,473⟧ هو إنسان", 1473),
        ("الخسائر: ⟦3⟧ + 7 جرحى", 3),
        ("لا يزيدون على خمسمئة، موزعين على ⟦سبع منظمات⟧", 7),
        ("من بينهم ⟦5⟧ و7 آخرون", 5),
        ("عبر 90+3، ليصل إلى ⟦15 هدفاً⟧", 15),
        ("الحصيلة:\n4- ⟦54⟧ في حيس", 54),
    ],
)
def test_two_numbers_that_are_no_range(marked: str, number: int) -> None:
    assert figures(count(marked)) == exact(number)


# Vague quantities


@pytest.mark.parametrize(
    ("written", "low", "high", "noun"),
    [
        ("عشرات المدنيين", 10, 99, "مدنيين"),
        ("العشرات", 10, 99, None),
        ("بالمئات", 100, 999, None),
        ("ومئات الجرحى", 100, 999, "جرحى"),
        ("مائات", 100, 999, None),
        ("آلاف النازحين", 1_000, 9_999, "نازحين"),
        ("الاف العائلات", 1_000, 9_999, "عائلات"),
        ("بضعة رجال", 3, 9, "رجال"),
        ("بضع نساء", 3, 9, "نساء"),
        ("بضعة عشر رجلاً", 13, 19, "رجل"),
        ("بضعة وعشرون", 23, 29, None),
        ("بضع عشرات", 30, 99, None),
        ("بضعة آلاف", 3_000, 9_999, None),
        ("عدة مئات", 300, 999, None),
        ("عشرات الآلاف", 10_000, 99_999, None),
        ("عشرات آلاف المفقودين", 10_000, 99_999, "مفقودين"),
        ("مئات الألوف", 100_000, 999_999, None),
        ("ملايين", 1_000_000, 9_999_999, None),
        ("عشرات الملايين", 10_000_000, 99_999_999, None),
    ],
)
def test_vague_quantities_and_their_products(
    written: str, low: int, high: int, noun: str | None
) -> None:
    found = alone(written)
    assert figures(found) == (None, low, high, "vague")
    assert found.counted == noun


# Duals


@pytest.mark.parametrize(
    ("marked", "singular"),
    [
        ("أصيب ⟦جنديان⟧", "جندي"),
        ("قتل ⟦جنديين⟧", "جندي"),
        ("⟦وسيدتان⟧", "سيدة"),
        ("⟦بسيارتين⟧", "سيارة"),
        ("سقوط ⟦قذيفتي⟧ هاون", "قذيفة"),
        ("تدمير ⟦محطتا⟧ مياه", "محطة"),
        ("مقتل ⟦شقيقتيه⟧", "شقيقة"),
        ("⟦وولداه⟧", "ولد"),
        ("من قتل ⟦ولديّ⟧؟", "ولد"),
        ("⟦مسلحَين⟧", "مسلح"),
        ("⟦عراقيَّين⟧", "عراقي"),
        ("⟦بئرين⟧", "بئر"),
        ("⟦مستشفيين⟧", "مستشفى"),
        ("⟦لواءين⟧", "لواء"),
        ("⟦كاميرتا⟧ مراقبة", "كاميرا"),
        ("⟦مقاتلان⟧", "مقاتل"),
        ("قتل ⟦شرطيين⟧ كانا يحرسان المكان", "شرطي"),
        ("أوقف ⟦سائقين⟧ لبنانيين اثنين", "سائق"),
        ("اعتقل ⟦صحفيين⟧، أحدهما مراسل", "صحفي"),
        ("تشييع جثماني ⟦مقاتلين⟧", "مقاتل"),
    ],
)
def test_a_dual_is_two(marked: str, singular: str) -> None:
    found = count(marked)
    assert figures(found) == exact(2)
    assert found.counted == singular


@pytest.mark.parametrize(
    "word",
    ["حوثيين", "خائفين", "مقاتلين", "موظفين", "صيادين", "سوريين", "فتيان", "مصابين", "متطوعين"],
)
def test_a_dual_that_may_be_a_plural_is_not_guessed(word: str) -> None:
    assert count(f"مقتل ⟦{word}⟧ في القرية") == Count(reason="may be a dual or a plural")


@pytest.mark.parametrize(
    "word",
    [
        *("شبان", "فرسان", "نيران", "جيران", "قضبان", "سكان", "لجان", "ألوان", "قوانين", "سكاكين"),
        *(
            "بساتين",
            "شياطين",
            "كمين",
            "ميدان",
            "برلمان",
            "إنسان",
            "حصان",
            "دخان",
            "جثمان",
            "فلسطين",
        ),
        *("مقاتلون", "جنود", "أشخاص", "جندي", "قذيفة", "عدد", "مسلحِين"),
    ],
)
def test_a_look_alike_of_a_dual_holds_no_number(word: str) -> None:
    assert count(f"رأى الناس ⟦{word}⟧ أمس") == Count(reason="no number and no dual")


# What is counted


@pytest.mark.parametrize(
    ("marked", "counted", "what"),
    [
        ("أسفر عن مقتل ⟦12 جندياً⟧", "جندي", "killed"),
        ("قُتل ⟦4⟧ من عناصر الفرقة", "عناصر", "killed"),
        ("لقي ⟦ثلاثة عمال⟧ مصرعهم", "عمال", "killed"),
        ("⟦خمسة جنود⟧ قُتلوا أمس", "جنود", "killed"),
        ("انتشال ⟦سبع جثث⟧", "جثث", "killed"),
        ("وإصابة ⟦9⟧ آخرين", None, "injured"),
        ("وسقط ⟦13 جريحاً⟧", "جريح", "injured"),
        ("مقتل جندي وإصابة ⟦8⟧", None, "injured"),
        ("مقتل وإصابة ⟦37 مدنياً⟧", "مدني", "people"),
        ("⟦37 مدنياً⟧ بين قتيل وجريح", "مدني", "people"),
        ("اعتقال ⟦ستة شبان⟧", "شبان", "detained"),
        ("في السجن ⟦300 معتقل⟧", "معتقل", "detained"),
        ("خطف ⟦راعيين⟧ من الحقل", "راعي", "kidnapped"),
        ("فقدان ⟦ثلاثة بحارة⟧", "بحارة", "missing"),
        ("نزوح ⟦ألف شخص⟧", "شخص", "displaced"),
        ("وصل ⟦300 نازح⟧", "نازح", "displaced"),
        ("الإفراج عن ⟦12 معتقلاً⟧", "معتقل", "released"),
        ("إطلاق سراح ⟦6⟧ منهم", None, "released"),
        ("عودة ⟦300 لاجئ⟧", "لاجئ", "returned"),
        ("تظاهر ⟦مئات الطلاب⟧", "طلاب", "people"),
        ("وهو أب ⟦لخمسة أطفال⟧", "أطفال", "people"),
        ("نزوح ⟦40 عائلة⟧", "عائلة", "families"),
        ("نفذ ⟦69 هجوماً⟧", "هجوم", "attacks"),
        ("⟦14 عملية⟧ مشتركة", "عملية", "operations"),
        ("شن ⟦أربع غارات⟧ على القرية، ثم ⟦", "غارات", "strikes"),
        ("4 غارات على الميناء، ⟦و3⟧ على الجسر", None, "strikes"),
        ("سقوط ⟦تسع قذائف⟧", "قذائف", "shells"),
        ("ضبط ⟦20 بندقية⟧", "بندقية", "weapons"),
        ("⟦شاحنتين⟧ محملتين", "شاحنة", "vehicles"),
        ("عثر على إحدى وثلاثين شاحنة، ⟦ست⟧ منها محترقة", None, "vehicles"),
        ("هدم ⟦ثلاثة منازل⟧", "منازل", "buildings"),
        ("كتب ⟦خمس رسائل⟧", "رسائل", "other"),
    ],
)
def test_the_noun_and_the_verbs_around_say_what_is_counted(
    marked: str, counted: str | None, what: str
) -> None:
    if marked.endswith("⟦"):
        marked = marked[:-1]
    found = count(marked)
    assert found.reason is None
    assert (found.counted, found.what) == (counted, what)


@pytest.mark.parametrize(
    ("written", "noun"),
    [
        ("12 شخصاً", "شخص"),
        ("12 أسيرًا", "أسير"),
        ("12 شخصا", "شخص"),
        ("12 اعتداءً", "اعتداء"),
        ("12 كاميرا", "كاميرا"),
        ("الـ200 هجوم", "هجوم"),
        ("3 مسيّرات", "مسيرات"),
        ("عشرات المصلّين", "مصلين"),
        ("ستة مستشفيات", "مستشفيات"),
    ],
)
def test_the_noun_is_bare_of_case_ending_and_article(written: str, noun: str) -> None:
    assert alone(written).counted == noun


def test_a_name_after_min_is_no_noun() -> None:
    text = "قتل 4 من قسد و3 من حراس السجن"
    spans = [Span(4, 5, "COUNT"), Span(9, 12, "ACTOR"), Span(13, 15, "COUNT")]
    assert read_count(text, spans[0], spans).counted is None
    assert read_count(text, spans[2], spans).counted == "حراس"


# What cannot be read


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("99999999999999999999", "a number beyond 64 bits"),
        ("12,345,678,901,234,567,890", "a number beyond 64 bits"),
        ("9999999999999999999", "a number beyond 64 bits"),
        ("-5", "a negative number counts nothing"),
        ("−٥ جنود", "a negative number counts nothing"),
        ("12/3/2024", "looks like a date or a time"),
        ("٢٠٢٤-٠٥-١٢", "looks like a telephone or serial number"),
        ("12.3.2024", "looks like a date"),
        ("12 آذار", "looks like a date"),
        ("10:30", "looks like a date or a time"),
        ("0999123456", "looks like a telephone or serial number"),
        ("963944123456", "looks like a telephone or serial number"),
        ("+963944123456", "looks like a telephone or serial number"),
        ("35%", "a percentage"),
        ("35 في المئة", "a percentage"),
        ("ربع السكان", "a fraction without a magnitude"),
        ("نصف", "a fraction without a magnitude"),
        ("سبعة ونصف مليون", "broken number words"),
        ("ثلاثة أرباع المليون", "broken number words"),
        ("2.5", "a fraction without a magnitude"),
        ("1,250 ألف", "a separator before three digits and a magnitude can be read two ways"),
        ("1,25,3", "separators that do not part groups of three digits"),
        ("عشرون ثلاثة", "broken number words"),
        ("خمسة عشرين", "broken number words"),
        ("ألف مليون ألف", "broken number words"),
        ("ثلاثة خمسة", "broken number words"),
        ("مئة عشرون", "broken number words"),
        ("مئة وثمانيون", "broken number words"),
        ("7 إلى 5", "a range whose ends do not fit"),
        ("أحد", "أحد alone is one of them or Sunday, no number"),
        ("الاثنين", "may be a weekday"),
        ("ميتين", "may be 200 or the dead"),
        ("9223372036854775807", "looks like a telephone or serial number"),
        ("نيف", "نيف without a number that it adds to"),
        ("عدة", "عدة alone names no number"),
        ("", "no number and no dual"),
        ("...", "no number and no dual"),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_no_value(written: str, reason: str) -> None:
    assert alone(written) == Count(reason=reason)


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("في عام ⟦2024⟧ عادوا", "looks like a year"),
        ("في آذار ⟦2011⟧", "looks like a year"),
        ("في ⟦12⟧/3/2024", "looks like a date or a time"),
        ("⟦18⟧ شباط", "looks like a date"),
        ("نسبة ⟦35⟧%", "a percentage"),
        ("تتراوح التقديرات بين ⟦7900⟧ عند الأهالي", "a range whose other end is not found"),
        ("الهاتف +⟦963944123⟧", "looks like a telephone or serial number"),
    ],
)
def test_the_text_around_tells_a_date_from_a_count(marked: str, reason: str) -> None:
    assert count(marked) == Count(reason=reason)


def test_a_year_is_told_from_as_many_people() -> None:
    assert count("في المخيم ⟦2000⟧ شخص").value == 2_000
    assert count("القتلى 203: ⟦49⟧ من المدنيين").value == 49


@given(st.text(alphabet="0123٤۵ وال-–/:.,٬٫%+أحدثلاثةمئعشرفيبنتسن\u064b\u0651ـ\n", max_size=24))
def test_no_text_makes_the_reader_fail(written: str) -> None:
    found = read_count(f"قتل {written} هنا", Span(4, 4 + len(written), "COUNT"))
    if found.reason is None:
        assert found.bound is not None
        assert found.what is not None
        assert (found.value is None) == (found.bound in ("range", "vague"))
        assert 0 <= (found.value or found.minimum or 0) <= (found.maximum or 2**63 - 1)
    else:
        assert found == Count(reason=found.reason)


WORDS = [
    "بين",
    "من",
    "إلى",
    "أو",
    "و",
    "لا",
    "أكثر",
    "أقل",
    "يتجاوز",
    "على",
    "الأقل",
    "يصل",
    "عددهم",
    "نحو",
    "قتل",
    "أصيب",
    "جرحى",
    "منهم",
    "منها",
    "آخرين",
    "قذيفة",
    "عشرات",
    "آلاف",
    "ثلاثة",
    "وعشرون",
    "مئة",
    "ألف",
    "مليون",
    "نصف",
    "ربع",
    "بضعة",
    "نيف",
    "جنديين",
    "حوثيين",
    "5",
    "و7",
    "12,5",
    "٠",
    "ـ",
    "-",
    ".",
    "،",
    ":",
    "/",
    "+",
    "%",
    "\n",
]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=16), st.data())
def test_no_text_around_makes_the_reader_fail(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = read_count(text, Span(start, end, "COUNT"))
    assert (found.reason is None) == (found.bound is not None) == (found.what is not None)
    if found.bound in ("range", "vague"):
        assert found.minimum is not None
        assert found.maximum is not None
        assert found.minimum < found.maximum

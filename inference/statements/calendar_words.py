"""The words of dates: months from the Levant to the Maghreb, weekdays, ordinals."""

from inference.numbers.spelling import fold, words_of

# From January on; the Levant and Iraq, Egypt and the Gulf, Algeria and Tunisia, Morocco.
_MONTHS = (
    ("كانون الثاني", "يناير", "جانفي"),
    ("شباط", "فبراير", "فيفري"),
    ("آذار", "مارس"),
    ("نيسان", "أبريل", "إبريل", "أفريل"),
    ("أيار", "مايو", "ماي"),
    ("حزيران", "يونيو", "يونيه", "جوان"),
    ("تموز", "يوليو", "يوليه", "جويلية", "يوليوز"),
    ("آب", "أغسطس", "أوت", "غشت"),
    ("أيلول", "سبتمبر", "شتنبر"),
    ("تشرين الأول", "أكتوبر"),
    ("تشرين الثاني", "نوفمبر", "نونبر"),
    ("كانون الأول", "ديسمبر", "دجنبر"),
)
MONTHS: dict[tuple[str, ...], int] = {
    tuple(fold(word) for word in name.split()): month
    for month, names in enumerate(_MONTHS, 1)
    for name in names
}
"""The folded words of a name, and the number of its month."""
SHORT_MONTHS = words_of("آب ماي أوت مارس جوان تموز")
"""Names that are other words too: a month only with a day, a year or شهر beside it."""
WEEKDAYS = {
    fold(name): number
    for number, name in enumerate(
        ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد")
    )
} | {fold("الإثنين"): 0, fold("الثلاثا"): 1, fold("الأربعا"): 2}
"""As `datetime.date.weekday` numbers them."""
_UNITS = [
    "الأول",
    "الثاني",
    "الثالث",
    "الرابع",
    "الخامس",
    "السادس",
    "السابع",
    "الثامن",
    "التاسع",
    "العاشر",
]
_TEENS = ["الحادي", "الثاني", "الثالث", "الرابع", "الخامس", "السادس", "السابع", "الثامن", "التاسع"]
ORDINALS: dict[tuple[str, ...], int] = {
    **{(fold(word),): number for number, word in enumerate(_UNITS, 1)},
    **{(fold(word), fold("عشر")): number for number, word in enumerate(_TEENS, 11)},
    (fold("العشرين"),): 20,
    **{
        (fold(word), fold("والعشرين")): number
        for number, word in enumerate(["الحادي", *_UNITS[1:9]], 21)
    },
    (fold("الثلاثين"),): 30,
    (fold("الحادي"), fold("والثلاثين")): 31,
}
PAST = words_of("الماضي الماضية الفائت الفائتة المنصرم المنصرمة الماضيين السابق")
CURRENT = words_of("الجاري الجارية الحالي الحالية")
COMING = words_of("المقبل المقبلة القادم القادمة التالي التالية الآتي")
SPANS_OF_DAYS = {
    **dict.fromkeys(words_of("يوم يوما أيام يومين"), "day"),
    **dict.fromkeys(words_of("أسبوع أسبوعا أسابيع أسبوعين"), "week"),
    **dict.fromkeys(words_of("شهر شهرا أشهر شهور شهرين"), "month"),
    **dict.fromkeys(words_of("عام عاما أعوام عامين سنة سنوات سنتين"), "year"),
    **dict.fromkeys(words_of("ساعة ساعات ساعتين دقيقة دقائق"), "hour"),
}
TWO = words_of("يومين أسبوعين شهرين عامين سنتين ساعتين")

"""Nouns of sites that are called after the place where they lie: مطار القامشلي."""

from inference.names.letters import folded


def _words(text: str) -> frozenset[str]:
    return frozenset(folded(word) for word in text.split())


SURE = _words(
    "مطار ميناء مرفأ معبر منفذ مصفاة سجن جسر سد قاعدة معسكر حاجز سيطرة نقطة محطة قلعة مدخل بوابة "
    "مخيم مخيمي مخيمات حقلي سجني معبري مطاري"
)
"""Those that mostly bear the name of the place where they lie."""
DOUBTFUL = _words("مشفى مستشفى سوق جامعة ملعب متحف مدرسة كنيسة جامع مسجد مركز محكمة سهل مدخل")
"""Those that are called after other places as often: مستشفى القدس. They need the report's word."""
ADJECTIVES = _words(
    "العسكري العسكرية المدني المدنية الدولي الدولية المركزي المركزية الوطني الوطنية العام العامة "
    "الجامعي الجامعية الريفي الحكومي الحكومية الميداني الجهوي الجوي الجوية البري البرية الحدودي "
    "الحدودية القديم القديمة الجديد الجديدة الكبير"
)
"""What follows the place's name."""
OFFICIAL = _words("المدني المركزي الوطني العام الجامعي الريفي الحكومي الجهوي القديم القديمة الكبير")
"""Those of them that belong to the place's own site: مشفى السلمية الوطني."""
SINGULARS = {"مخيمي": "مخيم", "حقلي": "حقل", "سجني": "سجن", "معبري": "معبر", "مطاري": "مطار"}
"""Of duals, folded, that go with the first of two names."""
ROADS = _words("طريق طرق أوتوستراد اتستراد اوتستراد أوتستراد طريقي")

"""What stands right before a span, where that tells whether the span begins with a proclitic."""

from typing import Literal

from inference.names.letters import folded
from inference.names.proclitics import LETTERS

Neighbour = Literal["rules_out", "makes_unlikely", "rules_out_and"]
"""What the word before a name says about a proclitic on the name: there can be none; there is
seldom one; there can be no و or ف."""


def _words(text: str) -> frozenset[str]:
    return frozenset(folded(word) for word in text.split())


_NEIGHBOURS: dict[str, Neighbour] = {
    # verbs of saying are followed by who says it, or by ل and to whom
    **dict.fromkeys(
        _words(
            "قال قالت يقول تقول أضاف أضافت يضيف تضيف أكد أكدت يؤكد تؤكد ذكر ذكرت أعلن أعلنت "
            "يعلن تعلن أفاد أفادت أوضح أوضحت يوضح نفى نفت أشار أشارت صرح كشف كشفت نشر نشرت "
            "دعا دعت طالب طالبت نقل نقلت أدان أدانت حذر حذرت حذّر رفض رفضت اتهم اتهمت بث "
            "بثت"
        ),
        "rules_out_and",
    ),
    # whom or whose: a name mostly, but a proclitic may come between (قائد بقسد)
    **dict.fromkeys(
        _words(
            "أهالي سكان أبناء وجهاء شيوخ عناصر مسلحي مسلحو مقاتلي مقاتلو قيادات قائد قادة "
            "مواقع مقار مقرات حواجز حاجز نقاط عائلات خلايا مناطق قوات ميليشيا ميليشيات "
            "مليشيا تنظيم حركة جماعة حساب صفحة مدير رئيس محافظ وزير زعيم سلطات جبهة قطاع "
            "عزلة مرتزقة عائلة أسرة آل شمال جنوب شرق غرب الباحث الباحثة الناشط الناشطة "
            "الصحفي الصحفية الشيخ السيد السيدة النائب النائبة العقيد الرائد المقدم العميد "
            "اللواء النقيب الملازم الدكتور الدكتورة المحامي المحامية المهندس الأستاذ"
        ),
        "makes_unlikely",
    ),
    # prepositions and what kinds of places are called
    **dict.fromkeys(
        _words(
            "في من إلى الى على عن مع ضد نحو بين بيد حتى عبر لدى تجاه خلف قرب باتجاه داخل "
            "خارج حول أمام فوق تحت وراء دون ضمن بعد قبل منذ سوى أن إن بأن لأن باسم بإشراف "
            "برعاية بقيادة بدعم مدينة بلدة بلدتي بلدات قرية قريتي قرى ناحية قضاء محافظة "
            "محافظتي منطقة منطقتي حي حيي أحياء محيط أطراف مشارف ضواحي مقاطعة ولاية إقليم "
            "جزيرة جزر"
        ),
        "rules_out",
    ),
}
PARTS_OF_PLACES = _words(
    "ريف ريفي شمال شمالي جنوب جنوبي شرق شرقي غرب غربي وسط بادية محافظة منطقة ناحية قضاء جبل سهل"
)
"""Words that a proclitic stands before even behind a kind of place: قرية بريف حلب."""
_OPENING = frozenset("\"'«“‘„‹(#[")


def neighbour(text: str, start: int) -> Neighbour | None:
    """What stands before `start`, where that says something."""
    if start and text[start - 1] in _OPENING:
        return "rules_out"
    if start < 2 or text[start - 1] != " ":
        return None
    word = folded(text[text.rfind(" ", 0, start - 1) + 1 : start - 1]).rpartition("\n")[2]
    said = _NEIGHBOURS.get(word)
    # The word may have a proclitic of its own: بمدينة, ومن
    for _ in "وب":
        if said is None and word and word[0] in LETTERS:
            word = word[1:]
            said = _NEIGHBOURS.get(word)
    return said

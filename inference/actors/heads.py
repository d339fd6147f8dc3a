"""Head nouns of parties that writers put before a name or leave out."""

from collections.abc import Sequence

from inference.names.letters import name_words

HEADS = frozenset(
    name_words(
        "تنظيم جماعة حركة ميليشيا مليشيا ميليشيات مليشيات قوات فصيل فصائل مسلحي عصابات عصابة جيش "
        "لواء ألوية فرقة فيلق كتيبة كتائب سرايا سرية تجمع تشكيل حزب تيار جبهة جهاز إدارة هيئة "
        "منظمة مؤسسة جمعية فريق مركز مرصد مجموعة شركة مستشفى وكالة شبكة قناة صحيفة موقع منصة إذاعة "
        "تلفزيون صفحة حساب عشيرة عشائر عشيرتي قبيلة قبائل قبيلتي آل"
    )
)
ORDINALS = frozenset(
    name_words(
        "الأول الأولى الثاني الثانية الثالث الثالثة الرابع الرابعة الخامس الخامسة السادس السادسة "
        "السابع السابعة الثامن الثامنة التاسع التاسعة العاشر العاشرة عشر عشرة العشرون العشرين"
    )
)


def without_head(words: Sequence[str]) -> tuple[str, ...]:
    """The words behind a head noun; empty where there is none, or nothing but a number behind."""
    if len(words) < 2 or words[0] not in HEADS:
        return ()
    rest = tuple(words[1:])
    # Of اللواء 52 and الفرقة الرابعة the head is what the name is about.
    return () if rest[0].isdecimal() or rest[0] in ORDINALS else rest

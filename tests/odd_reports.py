"""Reports with all that has gone wrong somewhere on its way through other people's software."""

from marked import report

from annotation.report import Report

ODD_REPORTS = [
    report("قُتل [C:12 جندياً] من [A:قسد] في [L:الرقة].", "plain", source="odd"),
    report("🚨 عاجل 👨‍👩‍👧 [C:3 قتلى] 🏴󠁧󠁢󠁥󠁮󠁧󠁿 في [L:حلب] 😀", "emoji", source="odd"),
    report("أعلن [A:الجيش]\r\nعن [C:هجومين]\rفي [L:حمص]\nأمس\r\n", "crlf", source="odd"),
    report("أَعْلَنَتْ [A:وِزَارَةُ الدِّفَاعِ] مَقْتَلَ [C:جُنْدِيَّيْنِ]", "tashkeel", source="odd"),
    report("في [L:حــــلـب] قُتــل [C:خمســة] من [A:داعــــش]", "tatweel", source="odd"),
    report("  في  [L:دير  الزور]\t\tقتل   [C:4]   \n\n  ", "blanks", source="odd"),
    report("سطر\u2028في [L:درعا]\u2029وقتل\x85[C:7]\v\f", "separators", source="odd"),
    report("\u200fفي \u202b[L:الحسكة]\u202c \u2066[C:9]\u2069 \u061c\u200e", "bidi", source="odd"),
    report("مي\u200cخواهند [A:حزب\u00a0الله] \ufeff[L:القا\u200dهرة]", "joiners", source="odd"),
    report("e\u0301 ﷺ ﻻ [L:ا\u0653مد] ٢٣ [C:٢٣]", "decomposed", source="odd"),
    report("\x00\x01\x1b\x7f \ufffe [L:إدلب] \x00", "controls", source="odd"),
    report("<b>&amp;</b> {{x}} $text \\n \\u0041 [A:قسد] \"'", "markup", source="odd"),
    report("\U0001ee00\U00010300 [L:عفرين] \U0010ffff", "astral", source="odd"),
    Report("empty", "", (), {"source": "odd"}),
    Report("nothing to find", "لا شيء هنا.", (), {"source": "odd", "date": "2024-05-01"}),
]
LONG = report("قُتل [C:3] في [L:حلب] 🚨 \r\n" * 4000, "long", source="odd")
"""More than 60,000 characters."""

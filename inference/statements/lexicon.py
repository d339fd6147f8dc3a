"""Words that tell who did what to whom: verbs with their voice, verbal nouns, deeds, particles.

All of them folded; a look-up takes off what is glued to a word.
"""

from functools import lru_cache
from typing import Literal

from inference.numbers.spelling import DAMMA, SHADDA, fold, words_of

Role = Literal["act", "act_noun", "undergo", "undergo_noun", "lose", "cause", "report", "move"]
"""What a verb, or a verbal noun, says of the number behind it:

- `act`, `act_noun`: somebody did it to them, or with them (اعتقلت, اعتقال);
- `undergo`, `undergo_noun`: it happened to them, and who did it is told elsewhere (أصيب, مقتل);
- `lose`: the subject lost them (خسرت, نعت);
- `cause`: a deed led to it (أسفر, أدى);
- `report`: the subject says it;
- `move`: they did it themselves (وصل, نزح).
"""

# A past and the stem of its present, for each verb.
_ACT = (
    "قتل قتل|اعتقل عتقل|احتجز حتجز|اوقف وقف|خطف خطف|اختطف ختطف|اسر اسر|استهدف ستهدف|قصف قصف"
    "|دمر دمر|احرق حرق|فجر فجر|اطلق طلق|شن شن|نفذ نفذ|هاجم هاجم|اقتحم قتحم|داهم داهم|دهم دهم"
    "|صادر صادر|هجر هجر|افرج فرج|اغتال غتال|اعدم عدم|ذبح ذبح|حيد حيد|القي لقي|ضبط ضبط|اصاب صيب"
    "|اردي ردي|جرح جرح|ابعد بعد|حاصر حاصر|استولي ستولي|احبط حبط|اسقط سقط|اعترض عترض|هدم هدم"
    "|جرف جرف|نسف نسف|قنص قنص|ضرب ضرب|عذب عذب|طرد طرد|رحل رحل|اجبر جبر|جند جند|سلم سلم|حرر حرر"
    "|نشر نشر|ارسل رسل|ادخل دخل|دفع دفع|نقل نقل|سحب سحب|اجلي جلي|انقذ نقذ|زرع زرع|حاكم حاكم"
    "|ادان دين|برا بري|حكم حكم|قدم قدم|وزع وزع|استقبل ستقبل|درب درب|خرق خرق|انتهك نتهك|اباد بيد"
    "|شرد شرد|حجز حجز|فكك فكك|عطل عطل|صد صد|استخدم ستخدم|زج زج|اعاد عيد|اغلق غلق|منح منح"
    "|افتتح فتتح|عالج عالج|اسعف سعف|ارتكب رتكب|اقتاد قتاد|استدعي ستدعي|فصل فصل|ازال زيل|احصد حصد"
    "|صفي صفي|طوق طوق|اقام قيم|بني بني|قطع قطع|سرق سرق|نهب نهب|سلب سلب|باع بيع|اشتري شتري"
    "|استورد ستورد|صدر صدر|تسلم تسلم|تلقي تلقي|خصص خصص|ضم ضم|اضاف ضيف|انتشل نتشل|استخرج ستخرج"
    "|اتلف تلف|احتل حتل|استعاد ستعيد|سير سير|اعتمد عتمد|وقع وقع|جمع جمع|ارجع رجع|اطاح طيح|رشق رشق"
    "|امطر مطر|طعن طعن|دهس دهس|استاجر ستاجر|ابطل بطل|رمم رمم|القم لقم|انشا نشي|فرض فرض|اصدر صدر"
    "|تبني تبني|عثر عثر|مشط مشط|اقر قر|عزز عزز|دعم دعم|زود زود|اخلي خلي|واصل واصل|صعد صعد|كثف كثف"
    "|بدا بدا|جدد جدد|ساعد ساعد|كافا كافي|غرم غرم|فقد فقد|منع منع|مسك مسك"
)
_LOSE = "خسر خسر|نعي نعي|تكبد تكبد|فقد فقد|شيع شيع|ودع ودع"
_CAUSE = (
    "اسفر سفر|ادي ودي|تسبب تسبب|اوقع وقع|خلف خلف|اودي ودي|حصد حصد|طال طال|الحق لحق|سبب سبب"
    "|نتج نتج|نجم نجم|انتهي نتهي|بلغ بلغ|ارتفع رتفع|شمل شمل|رفع رفع|وصل صل|كلف كلف|رافق رافق"
)
_REPORT = (
    "قال قول|اعلن علن|اكد وكد|ذكر ذكر|افاد فيد|اضاف ضيف|وثق وثق|رصد رصد|سجل سجل|اشار شير|اوضح وضح"
    "|كشف كشف|نفي نفي|زعم زعم|ادعي دعي|صرح صرح|تحدث تحدث|اعتبر عتبر|راي ري|كتب كتب|روي روي"
    "|احصي حصي|قدر قدر|توقع توقع|حذر حذر|دعا دعو|طالب طالب|ناشد ناشد|ندد ندد|اتهم تهم|وصف صف"
    "|بث بث|تناقل تناقل|لفت لفت|نوه نوه|تابع تابع|بين بين|ابلغ بلغ|عد عد|احتج حتج|رد رد|نشر نشر"
    "|حصر حصر|وعد عد|تعهد تعهد|ادلي دلي|شهد شهد|عرض عرض|اظهر ظهر|دون دون"
)
_MOVE = (
    "وصل صل|دخل دخل|شارك شارك|خرج خرج|غادر غادر|حضر حضر|تظاهر تظاهر|تجمع تجمع|انضم نضم|انسحب نسحب"
    "|فر فر|هرب هرب|انتشر نتشر|عبر عبر|توجه توجه|انشق نشق|تسلل تسلل|سافر سافر|اعتصم عتصم|اضرب ضرب"
    "|نزح نزح|عاد عود|رجع رجع|لجا لجي|عاش عيش|بقي بقي|عمل عمل|سكن سكن|قطن قطن|تحرك تحرك"
    "|تمركز تمركز|انفجر نفجر|اندلع ندلع|وقع قع|حلق حلق|هبط هبط|انطلق نطلق|تحطم تحطم|انهار نهار"
    "|مر مر|اقلع قلع|جلس جلس|وقف قف|كان كون|ظل ظل|زار زور|اقام قيم|نجا نجو|اجتمع جتمع|التقي لتقي"
    "|صوت صوت|انتخب نتخب|تخرج تخرج"
)
_UNDERGO_VERBS = words_of(
    "استشهد استشهدت استشهدوا استشهدا يستشهد قضى قضت قضوا قضيا قضين لقي لقيت لقوا لقيا يلقى ارتقى"
    " ارتقت ارتقوا توفي توفيت توفى توفوا مات ماتت ماتوا سقط سقطت سقطوا سقطا يسقط غرق غرقت غرقوا"
    " أصيب أصيبت أصيبوا أصيبا أصيبتا يصاب اغتيل اغتيلت اغتيلوا اقتيد اقتيدت اقتيدوا تضرر تضررت"
    " هلك هلكت اختفى اختفت اختفوا اعيد اعيدت تعرض تعرضت تعرضوا اختنق احترق احترقت جرى جرت فارق"
    " فارقوا يقبع يقبعون اختطف اختطفت انصاب انصابوا استهدفت نفق نفقت يعاني اتلفت سرقت"
)
_UNDERGO_NOUNS = words_of(
    "مقتل استشهاد سقوط وفاة مصرع إصابة اصابه جرح فقدان اختفاء غرق ارتقاء تضرر موت نفوق هلاك"
    " اختناق انتشال جثث جثامين تشييع قتلى ضحايا"
)
_ACT_NOUNS = words_of(
    "اعتقال خطف اختطاف احتجاز توقيف أسر اغتيال إعدام قتل قصف استهداف تدمير إحراق حرق هدم تهجير"
    " إفراج إطلاق إلقاء تحرير مصادرة تفجير ضبط القبض إسقاط تحييد شن تنفيذ إرسال نشر نقل ترحيل"
    " تسليم إجلاء إنقاذ تجنيد تصفية قنص إغلاق فتح إزالة زرع تجريف نسف سرقة نهب توزيع تدريب سحب"
    " إدخال إحباط إبعاد محاكمة إدانة تفكيك الاستيلاء استيلاء مداهمة اقتحام دهم إيقاف اقتياد"
    " القضاء إنشاء بناء تسيير إخلاء إدراج إخفاء تغييب إنزال إصدار استعادة شراء بيع قطع إتلاف"
    " اعتراض إبطال ملاحقة تخصيص استقبال"
)
_MOVE_NOUNS = words_of(
    "نزوح عودة وصول دخول خروج مشاركة فرار هروب انشقاق انضمام انسحاب مغادرة انفجار اندلاع هبوط"
    " عبور تشريد لجوء زيارة"
)
DEEDS = words_of(
    "قصف غارة غارات هجوم هجمات هجمة اعتداء كمين ضربة ضربات نيران رصاص صواريخ صاروخ قذائف قذيفة"
    " عملية عمليات حملة تصعيد مجزرة مجازر توغل قنص انتهاكات انتهاك اعتقالات إنزال مدفعية رشاشات"
    " مسيرة مسيرات غارتان غارتين هجومين هجومان قذيفتين ضربتين اعتداءات كمائن حاجز لغم ألغام عبوة"
    " براميل تعذيب سجون سجن معتقلات مخلفات حملات طيران"
)
"""Nouns of deeds and means: the party behind them did it."""
MEMBERS = words_of(
    "مقاتلون مسلحون وزراء هيئه محكمه عنصر عناصر عنصرا عنصرين مقاتل مقاتلا مقاتلي مقاتلو مقاتلين"
    " مسلح مسلحي مسلحو مسلحين مسلحا فرد افراد فردا جندي جنود جنديا جنديين ضابط ضباط ضابطا قائد"
    " قاده قيادي قياديي قيادات خليه خلايا دوريه دوريات قوه قوات طائره طائرات طيران مدفعيه مسيره"
    " مسيرات مروحيات راجمات دبابات مجموعه مجموعات فرق فريق طواقم طاقم وحدات وحده كتيبه كتائب"
    " فصائل فصيل منتسبي منتسب منتسبا موظف موظفي موظفا موظفين اعضاء عضو عضوا شرطه متطوعي متطوع"
    " استخبارات مخابرات جهاز اجهزه حرس حواجز حاجز ميليشيا ميليشيات مليشيا قناص قناصه قناصو قناصي"
    " مدمرات زوارق سلاح مسعفي مسعف عمال كوادر كادر قياديا متحدث ناطق قتلي جرحي اسري شهداء جثث"
    " جثامين رجال طرف جماعه حركه تنظيم مقاتلات مقاتله طياري مرتزقه ارهابيي ارهابي فلول اتباع"
    " مسؤولي مسؤول مسؤولا نواب اهالي ابناء مدنيي صفوف ملاك مفرزه مفارز سريه سرايا فوج افواج"
)
"""Members and parts of a party that stand before its name."""
FORCES = words_of(
    "قوات مقاتلات طائرات طائره طيران مدفعيه مسيرات زوارق سفن قناصه وحدات دوريات دوريه فرق طواقم"
    " طاقم مفارز كوادر"
)
"""Forces that do what their party does, and are seldom what it is done to: أجلت فرقه."""
HOLDINGS = words_of(
    "موقع مواقع موقعا مقر مقار مقرات مقرا نقطه نقاط رتل ارتال سياره سيارات اليه اليات قاعده قواعد"
    " حافله تجمع تجمعات تحصينات ثكنه ثكنات مركز مراكز مستودع مستودعات مخزن مخازن معسكر معسكرات"
    " منشات منشاه مناطق منطقه معاقل معقل خطوط تمركزات دبابه عربه مدرعه شاحنه سفينه سفن مبني مباني"
    " بيت منازل منزل صهاريج صهريج قافله قوافل مصالح سجون اوكار وكر مكتب مكاتب حقول انفاق نفق جنود"
)
"""What belongs to a party, and is hit when the party is."""
LINKS = words_of(
    "تابع تابعه تابعين تابعا تابعان تابعتين يتبع يتبعون تتبع التابع التابعه التابعين ينتمي ينتمون"
    " تنتمي منتمين منتميا منتمي المنتمين موالي موالين مواليا الموالين الموالي المنضوي المنضويه"
    " الي في صفوف من ضمن لدي لصالح تعمل المنتسبين يعملون يعمل العاملين عاملين عاملا عامل غالبيتهم"
    " معظمهم جميعهم كلهم اغلبهم ينشطون متهمين متهم المرتبطين مرتبطين مرتبطه المرتبطه المتهمين"
    " يشتبه بانتماءهم بالانتماء للانتماء انهم بانهم انها كانوا كانا"
)
"""What can stand between the counted and the party that they belong to."""
TARGETED = words_of(
    "ضد علي بحق استهدف استهدفت استهدفا استهدفوا يستهدف تستهدف مستهدفا مستهدفه مستهدفين طال طالت"
    " نحو باتجاه صوب"
)
PREPOSITIONS = words_of(
    "في من علي الي عن مع ضد بين بحق عند قرب قبل بعد خلال منذ نحو باتجاه صوب لدي داخل خارج تحت فوق"
    " حول امام وراء خلف بمحيط بحسب حسب وفق وفقا برعايه مقابل دون سوي الا اثر عقب جراء نتيجه بسبب"
    " غداه رغم بدعم باسناد بمشاركه بحضور"
)
ATTRIBUTION = words_of(
    "بحسب حسب وفق وفقا نقلا بيان لبيان مصادر مصدر لمراسل مراسل ناشطون لمصادر بيانات تقرير ارقام"
)
TIME_WORDS = words_of(
    "اليوم امس البارحه صباح مساء فجر ظهر عصر ليل ليله الليله يوم الاحد الاثنين الثلاثاء الاربعاء"
    " الخميس الجمعه السبت الماضي الماضيه الفائت الاول الجاري ايضا قد لاحقا مجددا حديثا صباحا فجرا"
    " ظهرا ليلا سابقا فيما بعد منتصف تاليا بدوره بدورها كذلك حتي الان ثم اخيرا"
)
APPROXIMATE = words_of(
    "نحو حوالي قرابه زهاء اكثر ازيد من اقل ما لا يقل عن لم يقارب يزيد علي قرابة الاقل كل جميع"
    " مجموع مجموعه سوي الا عدد بينهم بينها منهم منها فقط كذلك اقصي حد ادني بنحو باكثر بحوالي اخري"
    " آخرين جثث جثه"
)
"""What stands between a verb and a number without being its subject."""
DEPLOYING = words_of(
    "جمع جمعت وجمع يجمع ارسل ارسلت نشر نشرت ادخل ادخلت زج زجت درب دربت ضم ضمت يضم تضم استخدم دفع"
    " دفعت ارسال ادخال تدريب يدرب تدرب استقبل استقبلت يستقبل تستقبل يؤوي تؤوي يووي تووي عزز عززت"
    " يضيف اضاف تخصيص خصص خصصت انشاء وظف يوظف توظيف"
)
"""What is done with one's own people, and to nobody."""
EXPOSED = words_of("تعرض تعرضت تعرضوا يتعرض تتعرض تعرضه تعرضها")
BY_HAND = {"علي": words_of("يد ايدي"), "من": words_of("قبل جانب طرف")}
BY_FIRE = words_of("برصاص بنيران بسلاح برصاصات وبرصاص")
_HARMING_VERBS = (
    "قتل قتل|اعتقل عتقل|احتجز حتجز|اوقف وقف|خطف خطف|اختطف ختطف|اسر اسر|استهدف ستهدف|قصف قصف"
    "|دمر دمر|احرق حرق|فجر فجر|اطلق طلق|شن شن|نفذ نفذ|هاجم هاجم|اقتحم قتحم|داهم داهم|دهم دهم"
    "|صادر صادر|هجر هجر|افرج فرج|اغتال غتال|اعدم عدم|ذبح ذبح|حيد حيد|القي لقي|اصاب صيب|اردي ردي"
    "|جرح جرح|حاصر حاصر|استولي ستولي|اسقط سقط|هدم هدم|جرف جرف|نسف نسف|قنص قنص|ضرب ضرب|عذب عذب"
    "|طرد طرد|رحل رحل|حرر حرر|ارتكب رتكب|اقتاد قتاد|سرق سرق|نهب نهب|سلب سلب|احتل حتل|رشق رشق"
    "|ضبط ضبط|امطر مطر|طعن طعن|دهس دهس|زرع زرع|واصل واصل|صعد صعد|تبني تبني|حاكم حاكم|ادان دين"
    "|شرد شرد"
)
"""What is done to others: such a deed may have led to a toll told elsewhere in the sentence."""
THAT = words_of("ان بان لان وان فان الذي التي الذين")
ATTRIBUTED = words_of("نسبتا نسبا ونسبتا وينسب وتنسب نسب نسبت ونسب ونسبت تنسب ينسب")
ACCUSING = words_of("اتهم اتهمت واتهم واتهمت يتهم تتهم وتتهم واتهموا")
RESPONSIBLE = words_of("مسؤوليتها مسؤوليته مسؤوليتهم")
PARTS = words_of("بينهم بينهن بينها منهم منهن منها وبينهم وبينها ومنهم ومنها")
CLAUSE_WORDS = words_of(
    "فيما بينما كما حين حيث لكن ولكن ثم بعدما وكان وكانت كذلك غير الا مما ما وان وانه وانها وانهم"
)
TOLLS = words_of("قتلي جرحي ضحايا مصابي معتقلي شهداء خسائر اسري قتلاه مفقودي")
ORIGINS = words_of(
    "اهالي ابناء سكان مواليد اهل نازحي مهجري قدم قدما قدموا قدمت جاء جاؤوا جاءت قادمين القادمين"
    " اتيه اتين القادمه قادمه نازحين قدمتا قادما قادمتين"
)
SEATED = words_of(
    "متمركز متمركزه متمركزين متمركزون منتشر منتشره منتشرين متواجد متواجده متواجدين مرابط مرابطه"
    " مرابطين مرابطون مقيم مقيمه عامل عامله عاملين"
)
"""What tells of a party where it is: قوات النظام المتمركزة في معسكر جورين."""
REGISTERED = words_of("مسجل مسجله مولود مولوده ولد ولدت")
"""What tells where something, or somebody, comes from."""
CHARGED = words_of(
    "بتهمة بتهم تهمة بشبهة للاشتباه لاتهامه لاتهامهم لإدانتهم لإدانته لتورطهم لتورطه لضلوعهم"
    " متهمون متهمين المتهمين المتهمون مطلوبين يشتبه أدينوا"
)
"""Behind them stands what people are charged with, and where they did that."""
PURPOSES = words_of("رفضا احتجاجا تنديدا استنكارا دعما تضامنا طلبا خوفا هربا بحثا مطالبين")
"""What those counted want: who is named behind is not theirs."""
RAIDS = words_of(
    "مداهمة مداهمات اقتحام دهم هجوم قصف غارة غارات انفجار تفجير اشتباك اشتباكات كمين استهداف"
    " اعتراض محاصرة توقيف توغل إنزال"
)
"""Deeds that had a toll where they took place: اعتقلت خمسة بعد مداهمة منازل في يعبد."""
ADMINISTRATIVE = words_of(
    "مدينه مدن بلده بلدات قريه قري محافظه ناحيه منطقه مناطق حي احياء قضاء مديريه ولايه بمدينه"
    " ببلده بقريه بمحافظه بناحيه بمنطقه بحي بقضاء بمديريه بولايه التابعه في من الواقعه شمال جنوب"
    " شرق غرب شمالي جنوبي شرقي غربي قرب بالقرب محيط بمحيط اطراف وسط ريف بريف كل مدينتي بلدتي"
    " قريتي محافظتي حيي قضاءي العاصمه بالعاصمه محور ضواحي ضاحيه اقليم دوله سوق شارع طريق باتجاه"
    " ضمن جوار لناحيه لمحافظه لقضاء لمدينه لولايه لبلده لمنطقه لمديريه لقريه"
)
_SUFFIXES = ("ها", "هم", "هما", "هن", "ه", "نا")
_CONJUNCTIONS = ("", "و", "ف")
_NOUN_PREFIXES = ("", "و", "ف", "ب", "ل", "ال", "وال", "بال", "لل", "ول", "وب", "فال", "ك", "فب")
_NO_VERBS = words_of(
    "بيت وقت صوت تحت بنت زيت موت بات ليت ست ليست يوم يوميا يمين يسار ياسر يد يافع تقريبا تنظيم"
    " تجمع تقرير تسع تسعه ثلث توقيت تيار تركيا تونس تموز تشرين تلك تم تمت يناير يونيو يوليو ياخذ"
    " تابعه تابعين تابعا التابعه التابع التابعين تابعتين تل تلال تحالف التي اليت وفت مسيرت حكم"
    " تقدر شارك"
)


def _forms(pairs: str) -> set[str]:
    forms = set()
    for pair in pairs.split("|"):
        past, present = pair.split()
        weak = past.endswith("ي")
        stem = past[:-1] if weak else past
        forms |= {past, stem + "ت", stem + "وا", stem + "تا", past + "ا", past + "ن"}
        forms |= {prefix + present + end for prefix in "يت" for end in ("", "ون", "وا", "ان")}
    return forms


_VERBS: dict[str, Role] = {
    **dict.fromkeys(_forms(_MOVE), "move"),
    **dict.fromkeys(_forms(_CAUSE), "cause"),
    **dict.fromkeys(_forms(_ACT), "act"),
    **dict.fromkeys(_forms(_REPORT), "report"),
    **dict.fromkeys(_forms(_LOSE), "lose"),
    **dict.fromkeys(_UNDERGO_VERBS, "undergo"),
}
for _both in ("نشر", "نشرت", "ينشر", "تنشر", "اضاف", "اضافت", "رفع", "رفعت", "فقد", "فقدت"):
    _VERBS[_both] = "lose" if _both.startswith("فقد") else "act"
for _both in ("وصل", "وصلت", "وصلوا", "وقع", "وقعت"):
    _VERBS[_both] = "move"
_NOUNS: dict[str, Role] = {
    **dict.fromkeys(_MOVE_NOUNS, "move"),
    **dict.fromkeys(_ACT_NOUNS, "act_noun"),
    **dict.fromkeys(_UNDERGO_NOUNS, "undergo_noun"),
}
# أسقط, يُسقط: of these the vowel on the first letter of a present tells no passive.
_FORM_FOUR = {
    prefix + pair.split()[1]
    for pair in _ACT.split("|")
    for prefix in "يت"
    if pair.split()[0] == "ا" + pair.split()[1]
}
_HARMING = _forms(_HARMING_VERBS)
_ANNOUNCING = _forms("اعلن علن|تبني تبني|زعم زعم|ادعي دعي|اكد وكد")
_ASSERTING = _forms(
    "اعلن علن|اكد وكد|ذكر ذكر|افاد فيد|وثق وثق|رصد رصد|سجل سجل|كشف كشف|نعي نعي|اوضح وضح|تبني تبني"
)


@lru_cache(maxsize=65536)
def role_of(raw: str) -> Role | None:
    """What the verb or verbal noun `raw`, with whatever is glued to it, says; None for others."""
    word = fold(raw)
    if word in _NO_VERBS:
        return None
    if word in ("فجر", "ضرب", "صدر") and SHADDA not in raw:
        return None  # dawn, a kind, a chest, far more often than a verb
    role = _verb_role(word)
    if role == "act" and DAMMA in raw[:4] and word.lstrip("وف") not in _FORM_FOUR:
        return "undergo"
    if role is not None:
        return role
    return _noun_role(word)


def _verb_role(word: str) -> Role | None:
    for conjunction in _CONJUNCTIONS:
        if not word.startswith(conjunction):
            continue
        stem = word[len(conjunction) :]
        if stem in _VERBS:
            return _VERBS[stem]
        for suffix in _SUFFIXES:
            if stem.endswith(suffix) and len(stem) - len(suffix) >= 2:
                found = _VERBS.get(stem[: -len(suffix)])
                if found is not None:
                    return found
    return None


@lru_cache(maxsize=65536)
def is_harming(word: str) -> bool:
    """Whether a folded verb tells what was done to others."""
    stems = [word[len(one) :] for one in _CONJUNCTIONS if word.startswith(one)]
    return any(
        stem in _HARMING
        or any(stem.endswith(end) and stem[: -len(end)] in _HARMING for end in _SUFFIXES)
        for stem in stems
    )


def announces(word: str) -> bool:
    """Whether a folded verb tells the speaker's own deeds: أعلنت قسد اعتقال خمسة."""
    return any(word[len(one) :] in _ANNOUNCING for one in _CONJUNCTIONS if word.startswith(one))


def asserts(word: str) -> bool:
    """Whether a folded verb of saying tells what the speaker stands for: وثق المرصد مقتل فلان."""
    return any(word[len(one) :] in _ASSERTING for one in _CONJUNCTIONS if word.startswith(one))


@lru_cache(maxsize=65536)
def _noun_role(word: str) -> Role | None:
    """The role of a verbal noun, folded, whatever is glued to it."""
    for stem in bare_nouns(word):
        if stem in _NOUNS:
            return _NOUNS[stem]
    return None


@lru_cache(maxsize=65536)
def bare_nouns(word: str) -> tuple[str, ...]:
    """What the folded `word` may be without article, proclitics and a pronoun behind it."""
    found = []
    for prefix in _NOUN_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) > 1:
            stem = word[len(prefix) :]
            found.append(stem)
            for suffix in _SUFFIXES:
                if stem.endswith(suffix) and len(stem) - len(suffix) > 2:
                    found.append(stem[: -len(suffix)])
                    if stem[-len(suffix) - 1] == "ت":
                        found.append(stem[: -len(suffix) - 1] + "ه")
    return tuple(found)


def is_one_of(word: str, words: frozenset[str]) -> bool:
    """Whether the folded `word` is in `words`, article and proclitics taken off."""
    return word in words or any(stem in words for stem in bare_nouns(word))


@lru_cache(maxsize=65536)
def looks_like_verb(raw: str) -> bool:
    """Whether a word is a known verb, or has the shape of one: a feminine past, a present."""
    word = fold(raw)
    if word in _NO_VERBS:
        return False
    if _verb_role(word) is not None:
        return True
    stem = word[1:] if word[0] in "وف" and len(word) > 4 else word
    past = stem.endswith("ت") and len(stem) > 3 and not stem.endswith(("ات", "يت", "وت"))
    return past or (stem.startswith("ي") and len(stem) > 3 and not stem.endswith(("ه", "ا", "ين")))


def is_feminine_or_plural(raw: str) -> bool:
    """Whether a past tense is feminine or plural, and so tells of its subject: قتلت, قتلوا."""
    word = fold(raw)
    return (word.endswith("ت") and not word.endswith("ات")) or word.endswith("وا")


def is_ambiguous(raw: str) -> bool:
    """Whether a verb without vowel signs may be passive as well: قتل, اعتقل."""
    return DAMMA not in raw and not is_feminine_or_plural(raw)

"""Adjectives of countries, as in الأراضي السورية: the language's own, whatever the gazetteer."""

from inference.names.letters import ARTICLE, folded

_ADJECTIVES = """
SY سوري, IQ عراقي, LB لبناني, JO أردني, PS فلسطيني, IL إسرائيلي, EG مصري, LY ليبي, SD سوداني,
YE يمني, SA سعودي, OM عماني, KW كويتي, QA قطري, BH بحريني, AE إماراتي, TN تونسي, DZ جزائري,
MA مغربي, MR موريتاني, SO صومالي, DJ جيبوتي, TR تركي, IR إيراني, CY قبرصي, GR يوناني, RU روسي,
UA أوكراني, BY بيلاروسي, PL بولندي, DE ألماني, FR فرنسي, GB بريطاني, IT إيطالي, ES إسباني,
PT برتغالي, NL هولندي, BE بلجيكي, SE سويدي, NO نرويجي, DK دنماركي, FI فنلندي, AT نمساوي,
CH سويسري, HU مجري, RO روماني, BG بلغاري, RS صربي, US أميركي, CA كندي, MX مكسيكي, BR برازيلي,
CO كولومبي, VE فنزويلي, CN صيني, IN هندي, PK باكستاني, AF أفغاني, BD بنغلاديشي, MM ميانماري,
ID إندونيسي, MY ماليزي, PH فلبيني, TH تايلندي, VN فيتنامي, JP ياباني, AM أرمني, AZ أذربيجاني,
GE جورجي, KZ كازاخستاني, ET إثيوبي, ER إريتري, KE كيني, UG أوغندي, TD تشادي, NE نيجري,
NG نيجيري, ML مالي, SN سنغالي, CM كاميروني, GH غاني, BJ بنيني, CD كونغولي, RW رواندي
"""
"""Without the article, masculine."""
_OTHER_SPELLINGS = {"امريكي": "US", "تايلاندي": "TH", "اوكرايني": "UA", "حبشي": "ET"}
_COUNTRIES = {
    folded(word): code for code, word in (pair.split() for pair in _ADJECTIVES.split(","))
} | _OTHER_SPELLINGS


def country_of(word: str) -> str | None:
    """The ISO 3166-1 code of the country that a folded adjective with the article belongs to.

    >>> country_of("السوريه"), country_of("الشماليه")
    ('SY', None)
    """
    if not word.startswith(ARTICLE):
        return None
    bare = word[len(ARTICLE) :]
    return _COUNTRIES.get(bare) or _COUNTRIES.get(bare.removesuffix("ه"))

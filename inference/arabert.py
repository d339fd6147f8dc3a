"""AraBERT v0.2's text treatment, inside the tokenizer, so that its pieces keep their places.

AraBERT was trained on text that a program of its authors had cleaned: links and the like replaced
by names, marks dropped, digits apart from letters, characters it never saw left out. Here the same
is a normaliser and a pre-tokeniser saved in tokenizer.json: whatever loads the folder reads text
as AraBERT was taught to, and offsets point into the raw text. What is treated how, and compared
with what: docs/arabert.md.
"""

import logging
import re
from collections.abc import Collection, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from annotation.problems import UserError
from inference.html_entities import entity_replacements

log = logging.getLogger(__name__)

LINK, MAIL, USER = "[رابط]", "[بريد]", "[مستخدم]"
"""What stands for a link, an e-mail address and a mention."""
FARASA = "ال+"
"""The article as a piece of its own, as in the vocabularies of AraBERT v1 and v2."""
TWITTER = "😂"

_ARABIC = "\u0621-\u063a\u0641-\u064a"
_TASHKEEL_AND_TATWEEL = "\u064b-\u0652\u0640"
_KEPT = (
    rf"0-9A-Za-z{_ARABIC}"
    # Arabic-Indic digits are replaced before; marks above U+0652 and U+0671 to U+0674 are pieces.
    "\u064b-\u066c\u0671-\u0674\u06da\u0b4d"
    r"!\"#$%'()*+,./:;<=>?@\[\\\]\^_`{|}~\-"
    "«»·،؛؟٪–—‘’“”…"
)
"""What is not in this class (of a regular expression) AraBERT v0.2 has never seen: it becomes a
space. `/` is in it as what becomes `-`."""

# Python's str.isalnum and "_": what \w means where this treatment comes from. Oniguruma's \w, that
# tokenizers use, also takes marks.
_WORD = r"\p{L}\p{N}_"
_HOST = r"[-a-zA-Z0-9@:%._+~#=]"
_PATH = r"[-a-zA-Z0-9@:%_+.~#?&/=]"
_DOMAIN_END = rf"\.[a-z]{{2,6}}(?![{_WORD}]){_PATH}*"

# Each pattern matches its first character, then \K, then the others: see _name_matches. The
# patterns take turns, in this order, over the whole text.
_LINKS = (
    rf"h\Kttps?://.(?:www\.)?{_HOST}{{2,256}}{_DOMAIN_END}"
    rf"|w\Kww\.{_HOST}{{2,256}}{_DOMAIN_END}"
    rf"|{_HOST}\K{_HOST}{{1,255}}{_DOMAIN_END}",
    r"h\Kttps?://[a-zA-Z0-9_\-./~?=%&]+",
    r"w\Kww[a-zA-Z0-9_\-?=%&/.~]+",
    r"[a-zA-Z]\K[a-zA-Z]*\.com",
    r"h\Kttp\S*",
    r"w\Kww\S*",
    r":\K//",
)
# A match can only begin where a run of its characters begins: saying so keeps long runs cheap.
_MAILS = (
    rf"(?<![{_WORD}-])[{_WORD}-]\K[{_WORD}-]*@(?:[{_WORD}-]+\.)+[{_WORD}-]+",
    r"(?<!\S)\S\K\S*@\S+",
)
_USERS = (rf"@\K[{_WORD}]+",)

# White space that stands for the ends of a match while other patterns have their turn.
_START, _LINK_END, _MAIL_END, _USER_END = "\u2000\u2001\u2002\u2003"

# Digits that touch Arabic letters, and those letters, are apart from whatever else they touch, even
# Latin letters: "F16أ" is F, 16 and أ, where "F16" is one word.
_DIGITS_AND_ARABIC = Regex(rf"[0-9]+[{_ARABIC}]+")
_ARABIC_AND_DIGITS = Regex(rf"[{_ARABIC}]+[0-9]+")
# Other words are runs of letters and digits. Any other character is alone.
_PIECE_OF_TEXT = Regex(
    rf"(?:[a-zA-Z]|[0-9](?![{_ARABIC}])|[{_ARABIC}](?![0-9]))*[a-zA-Z0-9{_ARABIC}]"
    rf"|[^\sa-zA-Z0-9{_ARABIC}]"
)


def is_arabert(vocabulary: Collection[str], source: str) -> bool:
    """Whether `vocabulary` is AraBERT v0.2's, told by its own pieces, so that copies are known too.

    Raises UserError for a vocabulary of Farasa's segments, which no chain here can cut words into.
    """
    if not all(name in vocabulary for name in (LINK, MAIL, USER)):
        return False
    if FARASA in vocabulary:
        raise UserError(
            f"{source}: its vocabulary has pieces like {FARASA}, made for words that Farasa has "
            "segmented (AraBERT v1 or v2); use AraBERT v0.2, which reads words as they are: "
            "aubmindlab/bert-base-arabertv02 or aubmindlab/bert-large-arabertv02"
        )
    # v0.1's treatment was another one; its vocabulary has a slash, v0.2's has none.
    return "/" not in vocabulary


def with_arabert_treatment(tokenizer: Any, source: str) -> Any:
    """The tokenizer with AraBERT v0.2's treatment, where its vocabulary is that; else as it is."""
    vocabulary = tokenizer.get_vocab()
    if not is_arabert(vocabulary, source):
        return tokenizer
    log.info("%s: AraBERT v0.2's vocabulary: text is treated as AraBERT was taught", source)
    if TWITTER in vocabulary:
        log.warning("%s: its vocabulary has emoji, which the treatment leaves out", source)
    # A copy in a class of its own: one saved as BertTokenizer, transformers would load with the
    # normaliser of that class, without a word.
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.normalizer = normaliser()
    backend.pre_tokenizer = pre_tokeniser()
    backend.add_special_tokens(
        [AddedToken(name, single_word=True, normalized=True) for name in (LINK, MAIL, USER)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        **{name: str(token) for name, token in tokenizer.special_tokens_map.items()},
    )


def normaliser() -> Any:
    """What AraBERT does not see as it stands, in the order in which its authors' program goes."""
    return normalizers.Sequence(
        [
            *entity_replacements(_matters),
            _replace(f"[{_TASHKEEL_AND_TATWEEL}]", ""),
            # What Python calls white space and Oniguruma does not; and the markers, if the text
            # itself has any.
            _replace(f"[\x1c-\x1f{_START}{_LINK_END}{_MAIL_END}{_USER_END}]", " "),
            *_name_matches(_LINKS, _LINK_END),
            *_name_matches(_MAILS, _MAIL_END),
            *_name_matches(_USERS, _USER_END),
            _replace("<br />", " "),
            _replace("<[^>]+>", " "),
            *(_replace(digit, str(value)) for value, digit in enumerate("٠١٢٣٤٥٦٧٨٩")),
            # Of a character that stands more than twice in a row, two are left.
            _replace(r"(\D)\1\K\1+", ""),
            _replace(_START, " ["),
            *(
                _replace(end, f"{name[1:]} ")
                for end, name in ((_LINK_END, LINK), (_MAIL_END, MAIL), (_USER_END, USER))
            ),
            _replace("/", "-"),
            _replace(rf"[^{_KEPT}\s]", " "),
        ]
    )


def pre_tokeniser() -> Any:
    """Words, with digits apart from Arabic letters, and every other character on its own."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_DIGITS_AND_ARABIC, behavior="isolated"),
            pre_tokenizers.Split(_ARABIC_AND_DIGITS, behavior="isolated"),
            pre_tokenizers.Split(_PIECE_OF_TEXT, behavior="removed", invert=True),
        ]
    )


def _name_matches(patterns: Sequence[str], end: str) -> list[Any]:
    """Replace what each pattern matches by two markers: its first character's, and the others'.

    All that a replacement puts in has the place of the last character that it took out. A name put
    in at once would so point at the end of a link; in two parts it covers the link from end to end.
    """
    return [
        replacement
        for pattern in patterns
        for replacement in (_replace(pattern, end), _replace(rf"[^{end}](?={end})", _START))
    ]


def _matters(character: str) -> bool:
    """Whether it is more to the treatment than some letter or some symbol."""
    return re.fullmatch(f"[{_KEPT}{_TASHKEEL_AND_TATWEEL}&]", character) is not None


def _replace(pattern: str, content: str) -> Any:
    return normalizers.Replace(Regex(pattern), content)

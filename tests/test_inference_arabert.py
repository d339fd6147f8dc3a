import html
import itertools
import json
import logging
import lzma
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from html.entities import html5
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification, BertTokenizer

from annotation.problems import UserError
from inference.arabert import LINK, MAIL, USER, normaliser, pre_tokeniser, with_arabert_treatment
from inference.model_folder import load_model
from inference.pieces import read_pieces
from training.config import ModelSection
from training.encoder import start_model

SHARED = Path(__file__).parents[2] / "shared"
VOCABULARY = SHARED / "data" / "arabert-tokenizer"
PEER_LINES = int(os.environ.get("RASD_PEER_LINES", "400"))

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = [
    *map(chr, range(0x21, 0x7F)),
    *map(chr, [*range(0x621, 0x63B), *range(0x641, 0x64B), *range(0x653, 0x66D)]),
    *map(chr, [*range(0x671, 0x675), 0x6DA, 0xB4D]),
    *"«»·،؛؟٪–—‘’“”…",
]
CHARACTERS.remove("/")
CHARACTERS.remove("&")
WORDS = ["قصف", "قتل", "في", "من", "مدينة", "محمد", "12", "كم", "F", "16", "##16"]


def small_tokenizer(**options: object) -> BertTokenizer:
    """A tokenizer of transformers with AraBERT v0.2's own marks and a small vocabulary of ours."""
    pieces = [*SPECIAL, LINK, MAIL, USER, *CHARACTERS, *(f"##{c}" for c in CHARACTERS), *WORDS]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False, model_max_length=512, **options)


TREATED = with_arabert_treatment(small_tokenizer(), "small")
BACKEND = TREATED.backend_tokenizer


def words_of(text: str) -> list[str]:
    """The words that the treatment makes, whatever pieces they fall into."""
    words: list[str] = []
    for piece in BACKEND.encode(text, add_special_tokens=False).tokens:
        if piece.startswith("##") and words:
            words[-1] += piece[2:]
        else:
            words.append(piece)
    return words


READINGS = [
    ("قُتِلَ مُحَمَّدٌ", ["قتل", "محمد"]),
    ("قصـــف الـمدينة", ["قصف", "المدينة"]),
    ("هذا خبر عاااااجل!!!!", ["هذا", "خبر", "عااجل", "!", "!"]),
    ("سقط ١٢ و٣٤", ["سقط", "12", "و", "34"]),
    ("12قتيلا", ["12", "قتيلا"]),
    ("طائرة F16", ["طائرة", "F16"]),
    # Digits beside Arabic letters stand apart from Latin ones too, as nowhere else.
    ("F16أقلعت", ["F", "16", "أقلعت"]),
    ("كم5b و5b", ["كم", "5", "b", "و", "5", "b"]),
    ("1أ2b", ["1", "أ", "2b"]),
    ("5,000 دولار (تقريبا)", ["5", ",", "000", "دولار", "(", "تقريبا", ")"]),
    ("2024/3/1", ["2024", "-", "3", "-", "1"]),
    ("نسبة 5٪ و٥٫٥", ["نسبة", "5", "٪", "و", "5", "٫", "5"]),
    # Never seen: emoji, bidi marks, Persian letters and digits, presentation forms, accents.
    ("عاجل 🚨قصف👨‍👩‍👧 الآن", ["عاجل", "قصف", "الآن"]),
    ("\u202bقصف\u200f\u202c\ufeff", ["قصف"]),
    ("گلی ۱۲", ["ل"]),
    ("ﷺ ﻻ é 中", []),
    ("هٰذا", ["ه", "ذا"]),
    ("A & B", ["A", "B"]),
    # Marks other than tashkeel are pieces of their own.
    ("ا\u0653ل", ["ا", "\u0653", "ل"]),
    ("Hello", ["Hello"]),
    ("قصف\x1cقصف\u2028قصف\xa0قصف\u2001قصف", ["قصف"] * 5),
    # Names of places in the text.
    ("الرابط https://t.me/abc/12?x=1 هنا", ["الرابط", LINK, "هنا"]),
    ("(http://example.com)", ["(", LINK, ")"]),
    ("www.example.org/a، ثم", [LINK, "،", "ثم"]),
    ("موقع example.com", ["موقع", LINK]),
    ("من http://موقع.سوريا/خبر", ["من", LINK]),
    ("خذ:// هذا", ["خذ", LINK, "هذا"]),
    ("انتهى.ثم", ["انتهى", ".", "ثم"]),
    # An address of Latin letters is a link to AraBERT: the patterns for links go first.
    ("name@example.org", [LINK]),
    ("اسم@موقع.سوريا", [MAIL]),
    ("تابعوا@القناة", [MAIL]),
    ("تابعوا @القناة_1 و", ["تابعوا", USER, "و"]),
    ("(@name)", [MAIL]),
    ("قال @ هنا", ["قال", "@", "هنا"]),
    ("صورة<br />ثم <b class='x'>نص</b>", ["صورة", "ثم", "نص"]),
    ('<a href="https://a.com/b">خبر</a>', ["خبر"]),
    ("5 < 6", ["5", "<", "6"]),
    # Each pattern has its turn, and what one has named the next leaves alone.
    ("http://x)نص", [LINK, ")", "نص"]),
    ("wwwx)نص", [LINK, ")", "نص"]),
    ("wwwhttp://x.yz", [LINK, LINK]),
    ("wwwhttps://x", [LINK, LINK]),
    ("httpwwwx", [LINK, LINK]),
    ("http-a.comfort", [LINK, LINK, "fort"]),
    ("wwwهhttpه", [LINK, LINK]),
    ("س@.ه@و.ز", [MAIL, MAIL]),
    ("قبل <<br />x> بعد", ["قبل", "بعد"]),
    ("رقم ٠١٢٣٤٥٦٧٨٩", ["رقم", "0123456789"]),
    # What stands in the text as the name itself is the name.
    ("هنا [رابط] و [مستخدم]", ["هنا", LINK, "و", USER]),
    ("و[رابط]", ["و", "[", "رابط", "]"]),
    ("", []),
    (" \n\t ", []),
]
"""(text, the words that AraBERT is to see)"""


@pytest.mark.parametrize(("text", "words"), READINGS)
def test_text_is_read_as_arabert_was_taught(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "piece", "match"),
    [
        ("من https://t.me/abc هنا", LINK, "https://t.me/abc"),
        ("www.example.org", LINK, "www.example.org"),
        ("(http://example.com)", LINK, "http://example.com)"[:-1]),
        ("a.com", LINK, "a.com"),
        ("خذ:// هذا", LINK, "://"),
        ("اكتب إلى اسم@موقع.سوريا.", MAIL, "اسم@موقع.سوريا"),
        ("تابعوا@القناة الآن", MAIL, "تابعوا@القناة"),
        ("قال @القناة_1، ثم", USER, "@القناة_1"),
        ("😂 @القناة", USER, "@القناة"),
    ],
)
def test_a_name_covers_its_match_from_end_to_end(text: str, piece: str, match: str) -> None:
    encoding = BACKEND.encode(text, add_special_tokens=False)
    [where] = [
        offsets
        for token, offsets in zip(encoding.tokens, encoding.offsets, strict=True)
        if token == piece
    ]
    assert where == (text.index(match), text.index(match) + len(match))


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ("&quot;", ['"']),
        ("&#34;", ['"']),
        ("&#x22;", ['"']),
        ("&#X0022", ['"']),
        ("&laquo;", ["«"]),
        ("&#8220;", ["“"]),
        ("&#147;", ["“"]),
        ("&hellip;", ["…"]),
        ("&lt;", ["<"]),
        ("&percnt;", ["%"]),
        ("&#1602;", ["ق"]),
        ("&#x642;", ["ق"]),
        ("&#1637;", ["5"]),
        ("&amp;lt;", ["lt", ";"]),
        ("&amp;#1602;", ["#", "1602", ";"]),
        ("&nbsp;", []),
        ("&amp;", []),
        ("&copy", []),
        ("&rlm;", []),
        ("&#128514;", []),
        ("&#1600;", []),
        ("&#0;", []),
    ],
)
def test_an_entity_is_its_character_and_its_pieces_lie_inside_it(
    entity: str, words: list[str]
) -> None:
    text = f"قصف {entity} قصف"
    assert words_of(text) == ["قصف", *words, "قصف"]
    offsets = BACKEND.encode(text, add_special_tokens=False).offsets[1:-1]
    assert all(4 <= start < end <= 4 + len(entity) for start, end in offsets)


def test_tashkeel_as_an_entity_leaves_its_word_whole() -> None:
    text = "مُ&#1581;&#x64E;م&#1617;د"
    encoding = BACKEND.encode(text, add_special_tokens=False)
    assert encoding.tokens == ["محمد"]
    assert encoding.offsets == [(0, len(text))]


def test_every_named_entity_reads_as_its_character_does() -> None:
    forms = [f"م &{name} م" for name in html5] + [f"م &{name}م1" for name in html5]
    for text in forms:
        assert words_of(text) == words_of(html.unescape(text)), text


def test_every_numeric_entity_reads_as_its_character_does() -> None:
    numbers = [*range(0x700), *range(0x2000, 0x2070), 0x3000, 0xFEFB, 0xFFFD, 0x1F602, 0x110000]
    for number in numbers:
        for form in (f"&#{number};", f"&#0{number}.", f"&#x{number:x};", f"&#X0{number:X}!"):
            text = f"م {form} م"
            assert words_of(text) == words_of(html.unescape(text)), text


FRAGMENTS = st.sampled_from(
    [
        *["قصف", "مُحَمَّدٌ", "مديـــنة", "ههههه", "في", "آ", "ا\u0653", "ة\u0670", "ى", "گلی"],
        *["ﻻ", "ﷺ", "ﷲ", "😂", "👨‍👩‍👧", "🇸🇾", "\u200f", "\u202b", "\u2066", "\ufeff", "\u200c"],
        *["12", "١٢", "۱۲", "5.5", "F16", "abc", "A", "é", "中", "٪", "،", "؟", "«", "»", "…"],
        *["!!!!", "-", "_", ":", "/", "://", "\\", "&", "#", "@", "<", ">", "[", "]", "'", '"'],
        *["http://", "https://t.me/x", "www.", "a.com", ".com", "اسم@موقع.س", "@اسم", "<br />"],
        *[" ", " ", " ", "\n", "\t", "\xa0", "\u2000", "\u2003", "\x1c", "\x00"],
    ]
)


@settings(max_examples=400)
@given(st.lists(st.one_of(FRAGMENTS, st.characters(codec="utf-8")), max_size=14))
def test_the_raw_slice_of_every_piece_normalised_is_the_piece(parts: list[str]) -> None:
    text = "".join(parts)
    # An entity's piece lies inside it, which says less: it has a test of its own.
    assume(not re.search(r"&#?\w", text))
    encoding = BACKEND.encode(text, add_special_tokens=False)
    end_before = 0
    for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        assert end_before <= start < end <= len(text)
        end_before = end
        if token == "[UNK]":
            # A word of more than 100 characters, the only one that these pieces cannot spell.
            assert end - start > 100
            continue
        assert BACKEND.normalizer.normalize_str(text[start:end]).strip() == token.removeprefix("##")


@settings(max_examples=200)
@given(st.lists(st.one_of(FRAGMENTS, st.characters(codec="utf-8")), max_size=14))
def test_words_that_were_read_read_the_same_again(parts: list[str]) -> None:
    read = words_of("".join(parts))
    # "<>" is kept; with a space between, it would be markup.
    assume("<" not in read)
    assert words_of(" ".join(read)) == read


def test_the_words_of_a_link_are_shown_as_its_piece() -> None:
    text = "قصف https://t.me/abc في"
    [read] = read_pieces(TREATED, [text])
    assert [text[word.start : word.end] for word in read.words] == [
        *["قصف", "https", "t", "me", "abc", "في"]
    ]
    assert read.word_pieces.tolist() == [0, 1, 1, 1, 1, 2]
    assert read.offsets.tolist() == [[0, 3], [4, 20], [21, 23]]


@pytest.mark.parametrize(
    "text",
    [
        "@http://" + "a" * 3000 + "!",
        "a" * 20_000,
        "ا" * 20_000,
        "ا@" * 5000,
        "a." * 5000,
        "<" * 5000,
        "&" * 20_000,
        "1ا" * 5000,
    ],
    ids=lambda text: text[:9],
)
def test_no_text_holds_the_reading_up(text: str) -> None:
    started = time.monotonic()
    BACKEND.encode(text, add_special_tokens=False)
    assert time.monotonic() - started < 10


def test_a_saved_folder_is_read_the_same_by_plain_transformers_and_by_tokenizers(
    tmp_path: Path,
) -> None:
    texts = ["قُتل ١٢ في F16أ https://t.me/x &quot;قصف&quot;", "@اسم ههههه 😂 a/b [SEP]"]
    expected = [BACKEND.encode(text).ids for text in texts]
    TREATED.save_pretrained(tmp_path)
    # The model type is what would make transformers take BertTokenizer.
    BertConfig().save_pretrained(tmp_path)
    settings_ = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert settings_["tokenizer_class"] == "TokenizersBackend"
    reloaded = AutoTokenizer.from_pretrained(tmp_path)
    assert reloaded(texts)["input_ids"] == expected
    assert [
        e.ids for e in Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode_batch(texts)
    ] == (expected)
    again = with_arabert_treatment(reloaded, "again")
    assert again.backend_tokenizer.to_str() == reloaded.backend_tokenizer.to_str()
    assert again.model_max_length == reloaded.model_max_length == 512


def test_a_fit_gives_the_treatment_and_its_folder_keeps_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder, fitted = tmp_path / "encoder", tmp_path / "fitted"
    plain = small_tokenizer()
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(plain), intermediate_size=16, **shape)
    BertForTokenClassification(config).save_pretrained(encoder)
    plain.save_pretrained(encoder)
    text = "قُتل 12قتيلا قرب https://t.me/x"
    with caplog.at_level(logging.INFO):
        model, tokenizer = start_model(
            ModelSection(encoder=str(encoder), window=64), ["O", "B-COUNT"], []
        )
    assert f"{encoder}: AraBERT v0.2's vocabulary" in caplog.text
    model.save_pretrained(fitted)
    tokenizer.save_pretrained(fitted)
    loaded = load_model(fitted, "cpu")
    assert loaded.window_size == 64
    [read] = read_pieces(loaded.tokenizer, [text])
    assert read.ids.tolist() == BACKEND.encode(text, add_special_tokens=False).ids
    assert read.ids.tolist() != plain.backend_tokenizer.encode(text, add_special_tokens=False).ids


def test_other_vocabularies_are_left_as_they_are() -> None:
    bare = BertTokenizer(vocab={piece: n for n, piece in enumerate([*SPECIAL, LINK, "ا"])})
    assert with_arabert_treatment(bare, "bare") is bare
    first = small_tokenizer()
    first.add_tokens(["/"])
    assert with_arabert_treatment(first, "v0.1") is first


def test_a_vocabulary_with_emoji_is_treated_too_with_a_word_about_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tweets = small_tokenizer()
    tweets.add_tokens(["😂"])
    assert with_arabert_treatment(tweets, "tweets") is not tweets
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "tweets: its vocabulary has emoji, which the treatment leaves out")
    ]


def test_a_vocabulary_of_farasas_segments_is_refused_by_name() -> None:
    vocabulary = [*SPECIAL, LINK, MAIL, USER, "ال+", "+ها"]
    segmented = BertTokenizer(vocab={piece: number for number, piece in enumerate(vocabulary)})
    with pytest.raises(UserError) as refused:
        with_arabert_treatment(segmented, "models/old")
    message = str(refused.value)
    assert message.startswith("models/old: its vocabulary has pieces like ال+")
    assert "aubmindlab/bert-base-arabertv02" in message
    assert "\n" not in message


def test_the_chain_is_the_same_with_any_vocabulary() -> None:
    other = Tokenizer(models.WordPiece({"[UNK]": 0, LINK: 1}, unk_token="[UNK]"))
    other.normalizer, other.pre_tokenizer = normaliser(), pre_tokeniser()
    assert json.loads(other.to_str())["normalizer"] == json.loads(BACKEND.to_str())["normalizer"]


Reading = Callable[[list[str]], list[list[int]]]


@cache
def peer_and_ours() -> tuple[Reading, Reading]:
    """How the package of AraBERT's authors reads texts, as piece ids, and how we do."""
    preprocess = pytest.importorskip(
        "arabert.preprocess", reason="needs the package arabert 1.0.1 (pip install arabert==1.0.1)"
    )
    if not VOCABULARY.is_dir():
        pytest.skip(f"needs AraBERT's vocabulary in {VOCABULARY}")
    prepare = preprocess.ArabertPreprocessor("bert-base-arabertv02").preprocess
    theirs = AutoTokenizer.from_pretrained(VOCABULARY)
    ours = with_arabert_treatment(theirs, "ours")

    def read(tokenizer: Any, texts: list[str]) -> list[list[int]]:
        encodings = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    return (lambda texts: read(theirs, [prepare(t) for t in texts])), (lambda t: read(ours, t))


KINDS = {
    "link": re.compile(r"http|www|://|\.com"),
    "at sign": re.compile("@"),
    "entity": re.compile(r"&#?\w"),
    "markup": re.compile("<[^>]+>"),
    "tashkeel": re.compile("[\u064b-\u0652]"),
    "tatweel": re.compile("\u0640"),
    "Arabic-Indic digit": re.compile("[٠-٩]"),
    "digit beside Arabic letter": re.compile("[0-9٠-٩][ء-ي]|[ء-ي][0-9٠-٩]"),
    "more than two in a row": re.compile(r"(\D)\1\1"),
}


def count_differences(texts: list[str]) -> int:
    """Compare with the peer and print how many texts have what, and how many are read otherwise."""
    theirs, ours = peer_and_ours()
    counts: Counter[str] = Counter()
    different = 0
    for start in range(0, len(texts), 500):
        part = texts[start : start + 500]
        for text, expected, actual in zip(part, theirs(part), ours(part), strict=True):
            counts["pieces"] += len(expected)
            counts.update(kind for kind, pattern in KINDS.items() if pattern.search(text))
            different += expected != actual
    print(f"\n{len(texts)} texts, {different} read otherwise;", dict(counts))
    return different


def test_the_peer_reads_our_own_cases_the_same() -> None:
    texts = [text for text, _ in READINGS]
    assert len(texts) > 50
    assert count_differences(texts) == 0


@settings(max_examples=PEER_LINES // 2)
@given(st.lists(FRAGMENTS, max_size=20))
def test_the_peer_reads_texts_put_together_at_random_the_same(parts: list[str]) -> None:
    text = "".join(parts)
    # A pattern of the peer's takes for ever over some of these.
    assume("@" not in text or "://" not in text)
    theirs, ours = peer_and_ours()
    assert ours([text]) == theirs([text])


def test_the_peer_reads_the_bundled_corpus_the_same() -> None:
    file = SHARED / "reports" / "corpus.jsonl"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    texts = [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()]
    assert count_differences(texts) == 0


def test_the_peer_reads_lines_of_news_and_posts_the_same() -> None:
    files = sorted((SHARED / "data" / "text").glob("*.jsonl.xz"))
    if not files:
        pytest.skip(f"needs texts in {SHARED / 'data' / 'text'}")
    texts = []
    for file in files:
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            # Spread over the file, which is in the order of its sources.
            every = 1 if PEER_LINES < 20_000 else max(1, sum(1 for _ in lines) // (PEER_LINES // 4))
            lines.seek(0)
            taken = itertools.islice(lines, 0, None, every)
            texts += [json.loads(line)["text"] for line in itertools.islice(taken, PEER_LINES // 4)]
    assert len(texts) == PEER_LINES
    assert count_differences(texts) <= len(texts) // 1000

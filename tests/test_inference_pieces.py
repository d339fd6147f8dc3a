from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import invent_reports, make_tokenizer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from annotation.words import Word, find_words
from inference.pieces import Pieces, read_pieces
from training.vocabulary import normaliser

UNKNOWN = "[UNK]"


@cache
def ours() -> Any:
    return make_tokenizer([report.text for report in invent_reports()])


def _trained(model: Any, trainer: Any, before: Any, normal: Any = None) -> Any:
    backend = Tokenizer(model)
    backend.pre_tokenizer = before
    if normal is not None:
        backend.normalizer = normal
    backend.train_from_iterator([report.text for report in invent_reports()], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token=UNKNOWN)


@cache
def tokenizer_of(kind: str) -> Any:
    """The kinds of tokenizers that encoders on hubs bring along."""
    special = {"special_tokens": [UNKNOWN], "show_progress": False}
    match kind:
        case "ours":
            return ours()
        case "bert":
            return _trained(
                models.WordPiece(unk_token=UNKNOWN),
                trainers.WordPieceTrainer(vocab_size=500, **special),
                pre_tokenizers.BertPreTokenizer(),
                normalizers.BertNormalizer(strip_accents=True),
            )
        case "byte-level":
            letters = pre_tokenizers.ByteLevel.alphabet()
            return _trained(
                models.BPE(),
                trainers.BpeTrainer(vocab_size=400, initial_alphabet=letters, **special),
                pre_tokenizers.ByteLevel(add_prefix_space=True),
            )
        case "metaspace":
            tokenizer = _trained(
                models.BPE(unk_token=UNKNOWN, fuse_unk=True),
                trainers.BpeTrainer(vocab_size=500, **special),
                pre_tokenizers.Metaspace(),
                normalizers.NFKC(),
            )
            tokenizer.backend_tokenizer.decoder = decoders.Metaspace()
            return tokenizer
    raise AssertionError(kind)


def read(text: str, kind: str = "ours") -> Pieces:
    return read_pieces(tokenizer_of(kind), [text])[0]


def pieces_of(reading: Pieces) -> list[str]:
    return list(ours().convert_ids_to_tokens(reading.ids.tolist()))


def speakers(text: str) -> list[tuple[str, str]]:
    """Each word that the model is shown, with the piece that speaks for it."""
    reading = read(text)
    pieces = pieces_of(reading)
    return [
        (text[word.start : word.end], pieces[index])
        for word, index in zip(reading.words, reading.word_pieces, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قُتِلَ ثَلاثةٌ", [("قُتِلَ", "ق"), ("ثَلاثةٌ", "ثلاثه")]),
        ("طــويل مقتل", [("طــويل", "طويل"), ("مقتل", "مقتل")]),
        ("🚨🚨 مقتل 🚨 قوات", [("مقتل", "مقتل"), ("قوات", "قوات")]),
        ("🚨قوات", [("قوات", "##قوات")]),
        ("\u200fقوات\u200e \u202bالسد\u202c", [("قوات", "قوات"), ("السد", "السد")]),
        ("قوات ﷺ السد", [("قوات", "قوات"), ("ﷺ", "ص"), ("السد", "السد")]),
        ("٤٥ 12", [("٤٥", "45"), ("12", "12")]),
        ("قواتABC", [("قوات", UNKNOWN), ("ABC", UNKNOWN)]),
        ("قوات\x00السد", [("قوات", UNKNOWN), ("السد", UNKNOWN)]),
        ("ـ قوات ـ السد ـــ", [("قوات", "قوات"), ("السد", "السد")]),
        ("\r\nقوات\r\nالسد\r\n", [("قوات", "قوات"), ("السد", "السد")]),
        ("", []),
        ("🚨🚨", []),
        (" \t\r\n\u00a0", []),
        ("ـ", []),
    ],
)
def test_each_word_is_spoken_for_by_its_first_piece(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert speakers(text) == expected


def test_offsets_count_code_points_of_the_raw_text() -> None:
    text = "🚨 طــويل\r\nقُتِلَ"
    reading = read(text)
    assert pieces_of(reading) == ["🚨", "طويل", "ق", "##تل"]
    assert [text[a:b] for a, b in reading.offsets] == ["🚨", "طــويل", "ق", "تِل"]
    assert reading.words == [Word(2, 8), Word(10, 16)]


def test_one_character_that_becomes_many_pieces_gives_all_of_them_its_offsets() -> None:
    reading = read("قال ﷺ")
    ligature = [(a, b) for a, b in reading.offsets.tolist() if (a, b) == (4, 5)]
    assert len(ligature) > 5
    assert reading.words == [Word(0, 3), Word(4, 5)]
    # The first of the pieces of the ligature, not the last one.
    assert reading.word_pieces[1] == reading.offsets.tolist().index([4, 5])


def test_an_unknown_piece_over_two_words_speaks_for_both() -> None:
    reading = read("قوات\x00السد")
    assert pieces_of(reading) == [UNKNOWN]
    assert reading.word_pieces.tolist() == [0, 0]


def test_a_text_without_pieces_has_empty_arrays_of_the_usual_shapes() -> None:
    for text in ("", " \n", "ـ", "\u200f"):
        reading = read(text)
        assert reading.ids.shape == (0,)
        assert reading.offsets.shape == (0, 2)
        assert reading.words == []
        assert reading.word_pieces.shape == (0,)


def test_truncation_and_padding_of_the_tokenizer_file_are_switched_off() -> None:
    tokenizer = make_tokenizer([report.text for report in invent_reports()])
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=50)
    short, long = read_pieces(tokenizer, ["قوات", "قوات " * 70])
    assert len(short.ids) == 1
    assert len(long.ids) == len(long.words) == 70


# Letters that the tiny tokenizer knows and some it does not, marks that it drops, what it folds,
# and what ends words. Without marks that combine with a letter into another letter.
known = st.sampled_from("قواتالسدمتلحنيعرشة")
tricky = st.sampled_from(
    "ًٌٍَُِّْٰـ\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff"
    "ﷺﷲﻻﺑ٠٤٩۰۴12aZß漢_🚨👨\U0001f1f8\x00\r\n\t .،,؟()«»\u00a0"
)
arabic_texts = st.lists(known | tricky, max_size=40).map("".join)


@given(arabic_texts)
def test_a_piece_is_its_slice_of_the_raw_text_normalised(text: str) -> None:
    reading = read(text)
    fold = normaliser()
    for piece, (start, end) in zip(pieces_of(reading), reading.offsets.tolist(), strict=True):
        assert 0 <= start < end <= len(text)
        if piece != UNKNOWN:
            inner = piece.removeprefix("##") or piece
            folded = fold.normalize_str(text[start:end])
            # Of a ligature each piece is a part; of all else a piece is the whole of its slice.
            ligature = any(c in text[start:end] for c in "ﷺﷲﻻ")
            assert inner in folded if ligature else inner == folded


@pytest.mark.parametrize("kind", ["ours", "bert", "byte-level", "metaspace"])
def test_words_and_pieces_agree_with_the_definition(kind: str) -> None:
    @given(arabic_texts | st.text(max_size=30))
    def check(text: str) -> None:
        reading = read(text, kind)
        assert len(reading.offsets) == len(reading.ids)
        spoken = {}
        for word in find_words(text):
            covering = [
                index
                for index, (start, end) in enumerate(reading.offsets.tolist())
                if start < word.end and end > word.start
            ]
            if covering:
                spoken[word] = covering[0]
        assert reading.words == list(spoken)
        assert reading.word_pieces.tolist() == list(spoken.values())
        # What windows rely on: pieces ascend with words.
        assert (np.diff(reading.word_pieces) >= 0).all()

    check()


@given(st.lists(arabic_texts, max_size=5))
def test_texts_read_together_are_read_as_each_alone(texts: list[str]) -> None:
    together = read_pieces(ours(), texts)
    assert len(together) == len(texts)
    for text, reading in zip(texts, together, strict=True):
        alone = read(text)
        assert reading.ids.tolist() == alone.ids.tolist()
        assert reading.offsets.tolist() == alone.offsets.tolist()
        assert reading.words == alone.words
        assert reading.word_pieces.tolist() == alone.word_pieces.tolist()

"""What is done in arrays over many texts, held against the same done word by word."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny import TAGS

from annotation.report import Report
from annotation.tags import find_runs, tag_names, tags_to_spans
from annotation.word_arrays import find_words_of
from annotation.words import Word, find_words
from inference.decoding import FloatArray, TagDecoder, log_softmax
from inference.engine import TorchEngine
from inference.model_folder import load_model
from inference.pieces import IntArray, Pieces, ends, read_pieces, read_texts
from inference.predictor import BatchPredictor
from inference.windows import WindowCutter, owning_windows

# Letters of both kinds, marks and tatweel between them, digits, and what ends a word.
tricky_letters = st.sampled_from(
    "قتaZéжαـًٌّٰ\u0301\u0654٤1²_ﷺﻻー漢٫۰ªʼ\u200c\u200f 🚨\n\r\x00-.ۖ\u061cʰ"
)
texts = st.lists(st.text(tricky_letters, max_size=20) | st.text(max_size=10), max_size=5)


@given(texts)
def test_words_of_many_texts_are_those_of_each(many: list[str]) -> None:
    bounds, counts = find_words_of(many)
    assert counts.tolist() == [len(find_words(text)) for text in many]
    assert bounds.tolist() == [list(word) for text in many for word in find_words(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("الإنسانNovember وداعش!", ["الإنسان", "November", "وداعش"]),
        ("قواتـabc", ["قواتـ", "abc"]),
        ("abcـقوات", ["abcـقوات"]),
        ("a\u0301قوات", ["a\u0301", "قوات"]),
        ("قوات12abc", ["قوات12abc"]),
        ("قوات\u064babc\u064bقوات", ["قوات\u064b", "abc\u064b", "قوات"]),
    ],
)
def test_words_end_where_scripts_meet(text: str, words: list[str]) -> None:
    bounds, counts = find_words_of(["", text, "\n"])
    assert [text[start:end] for start, end in bounds] == words
    assert counts.tolist() == [0, len(words), 0]


# Pieces and windows


def align_one(text: str, ids: IntArray, offsets: IntArray) -> tuple[list[Word], list[int]]:
    """Words and the pieces that speak for them, word by word."""
    words, pieces = [], []
    for word in find_words(text):
        covering = [
            index
            for index, (a, b) in enumerate(offsets.tolist())
            if a < word.end and b > word.start
        ]
        if covering:
            words.append(word)
            pieces.append(covering[0])
    return words, pieces


ARABIC = st.lists(
    st.sampled_from(
        ["قوات", "السد", "ﷺ", "ـ", "🚨", "طــويل", "قوات\x00السد", "12", "قُتِلَ", "", "x", "\n"]
    ),
    max_size=40,
).map(" ".join)


@given(st.lists(ARABIC, max_size=6))
def test_pieces_of_many_texts_are_those_that_cover_each_word(
    tiny_tokenizer: Any, many: list[str]
) -> None:
    readings = read_texts(tiny_tokenizer, many)
    pieces, words = ends(readings.piece_counts), ends(readings.word_counts)
    assert len(pieces) == len(words) == len(many) + 1
    for text, (a, b), (c, d) in zip(many, pairwise(pieces), pairwise(words), strict=True):
        shown, speaking = align_one(text, readings.ids[a:b], readings.offsets[a:b])
        assert [Word(*word) for word in readings.words[c:d].tolist()] == shown
        assert (readings.word_pieces[c:d] - a).tolist() == speaking
        before = [0, *(word.end for word in shown)]
        assert readings.line_starts[c:d].tolist() == [
            number == 0 or "\n" in text[before[number] : word.start]
            for number, word in enumerate(shown)
        ]


def cut_one(tokenizer: Any, reading: Pieces, window_size: int) -> list[tuple[Any, ...]]:
    """(ids, words, rows) of the windows of one text, window by window."""
    capacity = window_size - 2
    count = len(reading.ids)
    shared = math.ceil(capacity / 4)
    number = 1
    while number * capacity - (number - 1) * shared < count:
        number += 1
    size = math.ceil((count + (number - 1) * shared) / number)
    starts = [k * (count - size) // max(number - 1, 1) for k in range(number)] if count else []
    bounds = np.array([[s, s + size] for s in starts], np.int64).reshape(-1, 2)
    owners = owning_windows(bounds, reading.word_pieces).tolist()
    found = []
    for k, (start, stop) in enumerate(bounds.tolist()):
        words = [word for word, owner in enumerate(owners) if owner == k]
        inner = reading.ids[start:stop].tolist()
        ids = [tokenizer.cls_token_id, *inner, tokenizer.sep_token_id]
        found.append((ids, words, [int(reading.word_pieces[w]) - start + 1 for w in words]))
    return found


@given(st.lists(ARABIC, max_size=6), st.integers(4, 30))
def test_windows_of_many_texts_are_those_of_each(
    tiny_tokenizer: Any, many: list[str], window_size: int
) -> None:
    readings = read_texts(tiny_tokenizer, many)
    windows = WindowCutter(tiny_tokenizer, window_size).cut_all(readings)
    found = [windows.window(index) for index in range(len(windows.texts))]
    assert windows.lengths.tolist() == [len(window.ids) for window in found]
    expected: list[tuple[Any, ...]] = []
    owners = []
    begins = ends(readings.word_counts)
    for number, reading in enumerate(read_pieces(tiny_tokenizer, many)):
        cut = cut_one(tiny_tokenizer, reading, window_size)
        owners += [number] * len(cut)
        expected += [
            (ids, [word + int(begins[number]) for word in words], rows) for ids, words, rows in cut
        ]
    assert windows.texts.tolist() == owners
    all_words = range(len(readings.words))
    assert [
        (window.ids.tolist(), list(all_words[window.words]), window.rows.tolist())
        for window in found
    ] == expected


# Decoding and spans


def viterbi(names: list[str], log_probs: FloatArray) -> list[int]:
    """The best tags of one report, step by step; of equally good ones the lower, from the end."""
    if not len(log_probs):
        return []
    scores = [
        -np.inf if name.startswith("I-") else float(one)
        for name, one in zip(names, log_probs[0], strict=True)
    ]
    back = []
    for row in log_probs[1:]:
        origin, reached = [], []
        for name, one in zip(names, row, strict=True):
            allowed = [
                a
                for a, before in enumerate(names)
                if not name.startswith("I-") or before in (name, f"B-{name[2:]}")
            ]
            best = max(allowed, key=lambda a: (scores[a], -a))
            origin.append(best)
            reached.append(scores[best] + float(one))
        back.append(origin)
        scores = reached
    path = [max(range(len(names)), key=lambda a: (scores[a], -a))]
    for origin in reversed(back):
        path.append(origin[path[-1]])
    return path[::-1]


ORDERS = [TAGS, ["I-Y", "B-X", "O", "I-X", "B-Y"], ["O", "B-X", "I-X"], tag_names(["A", "B"])]


@st.composite
def whole_numbers(draw: st.DrawFn) -> tuple[list[str], list[FloatArray]]:
    names = draw(st.sampled_from(ORDERS))
    lengths = draw(st.lists(st.integers(0, 12), max_size=6))
    # Sums are exact, and there are many equally good sequences.
    numbers = st.integers(-4, 0).map(float)
    return names, [
        draw(arrays(np.float32, (length, len(names)), elements=numbers)) for length in lengths
    ]


@given(whole_numbers())
def test_decoding_in_stretches_is_decoding_step_by_step(
    batch: tuple[list[str], list[FloatArray]],
) -> None:
    names, log_probs = batch
    assert [path.tolist() for path in TagDecoder(names).decode(log_probs)] == [
        viterbi(names, one) for one in log_probs
    ]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 2.0, 9.0]))
def test_probable_tags_decode_as_step_by_step(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    names = ORDERS[seed % len(ORDERS)]
    log_probs = [
        log_softmax(random.normal(scale=scale, size=(n, len(names))).astype(np.float32))
        for n in (30, 0, 1, 60)
    ]
    assert [path.tolist() for path in TagDecoder(names).decode(log_probs)] == [
        viterbi(names, one) for one in log_probs
    ]


def test_a_long_report_keeps_its_precision() -> None:
    # One span from end to end, of one of two labels: all that tells them apart is the first word.
    names = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    log_probs = np.full((50_000, 5), -20, np.float32)
    log_probs[:, [2, 4]] = -19
    log_probs[0, [1, 3]] = -19.001, -19
    # In float32 sums this large are 0.06 apart.
    assert np.float32(-950_000) + np.float32(0.001) == np.float32(-950_000)
    path = TagDecoder(names).decode([log_probs])[0]
    assert path.tolist() == [3] + [4] * 49_999


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 15), max_size=5))
def test_runs_are_the_spans_that_tags_say(seed: int, lengths: list[int]) -> None:
    random = np.random.default_rng(seed)
    log_probs = [random.normal(size=(n, len(TAGS))).astype(np.float32) for n in lengths]
    paths = TagDecoder(TAGS).decode(log_probs)
    tags = np.concatenate([np.zeros(0, np.int64), *paths])
    runs = find_runs(tags, TAGS)
    words = [Word(2 * i, 2 * i + 1) for i in range(len(tags))]
    spans = tags_to_spans(words, [TAGS[tag] for tag in tags])
    assert runs.shape == (len(spans), 2)
    assert [(2 * a, 2 * b - 1) for a, b in runs.tolist()] == [(s.start, s.end) for s in spans]
    assert [TAGS[tags[a]][2:] for a in runs[:, 0]] == [span.label for span in spans]


def test_predictions_are_those_worked_out_report_by_report(
    tiny_model: Any, tiny_reports: list[Report]
) -> None:
    loaded = load_model(tiny_model, "cpu")
    engine = TorchEngine(loaded.model, loaded.tokenizer.pad_token_id, loaded.window_size, step=1)
    reports = [*tiny_reports[:20], Report("none", ""), Report("long", tiny_reports[0].text * 9)]
    predictor = BatchPredictor(
        engine, loaded.tokenizer, loaded.tags, window_size=loaded.window_size, batch_tokens=1
    )
    for report, found in zip(reports, predictor.predict(reports), strict=True):
        reading = read_pieces(loaded.tokenizer, [report.text])[0]
        log_probs = np.zeros((len(reading.words), len(TAGS)), np.float32)
        for ids, words, rows in cut_one(loaded.tokenizer, reading, loaded.window_size):
            logits = engine.run([np.array(ids)])[0]
            for word, row in zip(words, rows, strict=True):
                log_probs[word] = log_softmax(logits[row])
        path = viterbi(TAGS, log_probs)
        assert found.spans == tuple(tags_to_spans(reading.words, [TAGS[tag] for tag in path]))
        entropies = -(np.exp(log_probs) * log_probs).sum(-1)
        uncertainty = entropies.mean() if len(entropies) else 0
        assert found.fields["uncertainty"] == pytest.approx(uncertainty, abs=1e-6)
        starts = [word.start for word in reading.words]
        for span in found.spans or ():
            first = starts.index(span.start)
            own = [w for w in range(first, len(starts)) if starts[w] < span.end]
            lowest = min(np.exp(log_probs[w, path[w]]) for w in own)
            assert span.score == pytest.approx(lowest, abs=1e-6)

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotation.problems import UserError
from annotation.tags import tag_names, tags_to_spans
from annotation.words import Word
from inference.decoding import FloatArray, TagDecoder, log_softmax

ORDERS = [
    ["O", "B-X", "I-X"],
    ["I-X", "O", "B-X"],
    ["O", "B-X", "I-X", "B-Y", "I-Y"],
    ["I-Y", "B-X", "O", "I-X", "B-Y"],
]


@cache
def well_formed(names: tuple[str, ...], length: int) -> list[tuple[int, ...]]:
    """All sequences in which I- of a label follows B- or I- of that label."""
    found = []
    for path in product(range(len(names)), repeat=length):
        tags = ["O", *(names[tag] for tag in path)]
        if all(
            not tag.startswith("I-") or before in (f"B-{tag[2:]}", tag)
            for before, tag in pairwise(tags)
        ):
            found.append(path)
    return found


def best_by_trying_all(names: list[str], log_probs: FloatArray) -> list[int]:
    """The best sequence; of equal ones that with the lowest tag indices, read from the end."""
    paths = well_formed(tuple(names), len(log_probs))
    scores = {path: sum(float(log_probs[t, tag]) for t, tag in enumerate(path)) for path in paths}
    return list(min(paths, key=lambda path: (-scores[path], path[::-1])))


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[str], list[FloatArray]]:
    names = draw(st.sampled_from(ORDERS))
    lengths = draw(st.lists(st.integers(0, 4), max_size=4))
    # Whole numbers: sums are exact, and equally good sequences come up.
    numbers = st.integers(-9, 0).map(float)
    return names, [
        draw(arrays(np.float32, (length, len(names)), elements=numbers)) for length in lengths
    ]


def test_no_span_goes_on_into_a_word_that_it_is_cut_before() -> None:
    decoder = TagDecoder(["O", "B-X", "I-X"])
    logits = np.array([[0, 9, 0], [1, 0, 9], [2, 0, 9], [0, 0, 9]], np.float32)
    before = logits.copy()
    cut = decoder.cut_before(logits, np.array([True, False, True, False]))
    assert (logits == before).all()
    log_probs = log_softmax(cut)
    assert np.exp(log_probs[2]).tolist() == pytest.approx([0.8808, 0.1192, 0], abs=1e-4)
    assert np.isfinite(log_probs).all(), "an entropy has to be a number"
    # What was the third word of one span is none; the fourth, which cannot stand alone, begins one.
    [path] = decoder.decode([log_probs])
    assert path.tolist() == [1, 2, 1, 2]
    [uncut] = decoder.decode([log_softmax(logits)])
    assert uncut.tolist() == [1, 2, 2, 2]


@given(batches())
def test_viterbi_finds_what_trying_all_sequences_finds(
    batch: tuple[list[str], list[FloatArray]],
) -> None:
    names, log_probs = batch
    paths = TagDecoder(names).decode(log_probs)
    assert [path.tolist() for path in paths] == [
        best_by_trying_all(names, one) if len(one) else [] for one in log_probs
    ]


def test_random_log_probabilities_over_three_labels_decode_to_the_best_sequence() -> None:
    names = tag_names(["A", "B", "C"])
    random = np.random.default_rng(3)
    log_probs = [
        log_softmax(random.normal(scale=3, size=(n, 7)).astype(np.float32)) for n in (4, 0, 1, 3)
    ]
    paths = TagDecoder(names).decode(log_probs)
    assert [p.tolist() for p in paths] == [
        best_by_trying_all(names, one) if len(one) else [] for one in log_probs
    ]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), max_size=6))
def test_no_sequence_is_ever_ill_formed(seed: int, lengths: list[int]) -> None:
    names = tag_names(["A", "B", "C"])
    random = np.random.default_rng(seed)
    log_probs = [random.normal(scale=5, size=(n, 7)).astype(np.float32) for n in lengths]
    for path, length in zip(TagDecoder(names).decode(log_probs), lengths, strict=True):
        words = [Word(2 * i, 2 * i + 1) for i in range(length)]
        # Raises where an I- continues nothing.
        tags_to_spans(words, [names[tag] for tag in path])


def test_reports_decoded_together_come_out_as_each_alone_and_in_order() -> None:
    decoder = TagDecoder(tag_names(["A", "B"]))
    random = np.random.default_rng(5)
    batch = [random.normal(size=(n, 5)).astype(np.float32) for n in (3, 0, 9, 9, 1, 0, 5)]
    together = [path.tolist() for path in decoder.decode(batch)]
    assert together == [decoder.decode([one])[0].tolist() for one in batch]
    assert [len(path) for path in together] == [3, 0, 9, 9, 1, 0, 5]


def test_nothing_to_decode_is_no_error() -> None:
    decoder = TagDecoder(tag_names(["A"]))
    assert decoder.decode([]) == []
    assert [p.tolist() for p in decoder.decode([np.zeros((0, 3), np.float32)])] == [[]]


def test_a_hundred_labels_decode_as_three_do() -> None:
    names = tag_names([f"L{number}" for number in range(100)])
    log_probs = np.full((4, len(names)), -9, np.float32)
    expected = [names.index(tag) for tag in ("B-L98", "I-L98", "O", "B-L99")]
    log_probs[np.arange(4), expected] = 0
    assert TagDecoder(names).decode([log_probs])[0].tolist() == expected


def test_a_report_of_sixty_thousand_words_decodes_word_by_word() -> None:
    names = tag_names(["A"])
    # B I O over and over, told by every word alone.
    log_probs = np.tile(np.eye(3, dtype=np.float32)[[1, 2, 0]] * 5, (20_000, 1))
    assert TagDecoder(names).decode([log_probs])[0].tolist() == [1, 2, 0] * 20_000


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["O"],
        ["LABEL_0", "LABEL_1"],
        ["B-X", "I-X"],
        ["O", "B-X"],
        ["O", "B-X", "I-Y"],
        ["O", "B-X", "I-X", "I-X"],
        ["O", "O", "B-X", "I-X"],
        ["O", "B-X", "I-X", "E-X"],
        ["O", "B-", "I-"],
        ["O", "X-B", "X-I"],
    ],
)
def test_outputs_that_are_not_iob2_are_refused(names: list[str]) -> None:
    with pytest.raises(UserError, match="expected O, and B- and I- of each label"):
        TagDecoder(names)


def test_log_softmax_gives_log_probabilities_of_any_logits() -> None:
    logits = np.array([[1e4, 0, -1e4], [2, 2, 2]], np.float32)
    result = log_softmax(logits)
    assert np.isfinite(result).all()
    assert np.exp(result).sum(-1) == pytest.approx([1, 1])
    assert result[1] == pytest.approx([-np.log(3)] * 3)

import numpy as np
import pytest

from annotation.report import Report, Span
from annotation.words import find_words
from inference.tagged_words import TaggedWords, word_array

NAMES = ["O", "B-X", "I-X"]
TEXT = "وصلت القافلة الأولى مساء"


def tagged(probabilities: list[list[float]], path: list[int]) -> TaggedWords:
    log_probs = np.log(np.array(probabilities, np.float32)).reshape(-1, 3)
    words = word_array(find_words(TEXT)[: len(path)])
    return TaggedWords(words, log_probs, np.array(path, np.int64), NAMES)


def test_a_span_has_the_lowest_probability_among_its_words() -> None:
    words = tagged(
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.1, 0.6], [0.9, 0.05, 0.05]], [0, 1, 2, 0]
    )
    [span] = words.spans
    assert (span, span.score) == (Span(5, 19, "X"), pytest.approx(0.6))


def test_a_report_keeps_its_fields_and_loses_the_spans_that_it_had() -> None:
    read = tagged([[0.5, 0.25, 0.25]] * 4, [0, 0, 0, 0]).on(
        Report("a", TEXT, (Span(0, 4, "X"),), {"source": "s", "uncertainty": 7})
    )
    assert read.spans == ()
    entropy = 0.5 * np.log(2) + 2 * 0.25 * np.log(4)
    assert read.fields == {"source": "s", "uncertainty": pytest.approx(entropy)}
    assert (read.id, read.text) == ("a", TEXT)


def test_no_words_are_no_spans_and_no_uncertainty() -> None:
    words = tagged([], [])
    assert (words.spans, words.uncertainty) == ((), 0.0)

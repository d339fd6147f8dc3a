"""How a tokenizer reads a text: pieces with raw offsets, and the piece that speaks for each word.

The raw text is never rewritten. What a model needs normalised is normalised inside its tokenizer,
whose offsets point back at the raw text, in code points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.words import Word, find_words

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as the model sees it, without special pieces."""

    ids: IntArray
    """[pieces]"""
    offsets: IntArray
    """[pieces, 2]: start and end of each piece in the raw text"""
    words: list[Word]
    """The words that the model is shown. One that its tokenizer reads as nothing (a tatweel on its
    own, say) is not among them: it begins and ends no span, and stands inside one between others"""
    word_pieces: IntArray
    """[words]: the index of the piece that speaks for the word, the first that covers any of it"""


def read_pieces(tokenizer: Any, texts: Sequence[str]) -> list[Pieces]:
    """Read `texts` with a fast tokenizer of transformers, all of each, on all cores."""
    backend = tokenizer.backend_tokenizer
    # A tokenizer.json may bring truncation and padding along; either would lose or add text.
    backend.no_truncation()
    backend.no_padding()
    encodings = backend.encode_batch(list(texts), add_special_tokens=False)
    return [
        _align(text, np.array(encoding.ids, np.int64), encoding.offsets)
        for text, encoding in zip(texts, encodings, strict=True)
    ]


def _align(text: str, ids: IntArray, piece_offsets: list[tuple[int, int]]) -> Pieces:
    offsets = np.array(piece_offsets, np.int64).reshape(-1, 2)
    words = find_words(text)
    bounds = np.array(words, np.int64).reshape(-1, 2)
    # The first piece that ends behind the word's start covers some of the word if it begins before
    # the word's end. The running maximum keeps the ends sorted where a normaliser reordered marks.
    ends = np.maximum.accumulate(offsets[:, 1]) if len(offsets) else offsets[:, 1]
    first = np.searchsorted(ends, bounds[:, 0], side="right")
    seen = first < len(ids)
    seen[seen] = offsets[first[seen], 0] < bounds[seen, 1]
    shown = [word for word, is_seen in zip(words, seen, strict=True) if is_seen]
    return Pieces(ids, offsets, shown, first[seen])

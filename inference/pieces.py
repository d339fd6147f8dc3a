"""How a tokenizer reads a text: pieces with raw offsets, and the piece that speaks for each word.

The raw text is never rewritten. What a model needs normalised is normalised inside its tokenizer,
whose offsets point back at the raw text, in code points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.word_arrays import find_words_of
from annotation.words import Word

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


@dataclass(frozen=True, slots=True)
class Readings:
    """Many texts as the model sees them, without special pieces, end to end in arrays."""

    ids: IntArray
    """[pieces]"""
    offsets: IntArray
    """[pieces, 2]: start and end of each piece in its raw text"""
    piece_counts: IntArray
    """[texts]"""
    words: IntArray
    """[words, 2]: start and end in its raw text of each word that the model is shown, see Pieces"""
    word_counts: IntArray
    """[texts]"""
    word_pieces: IntArray
    """[words]: the index, in `ids`, of the piece that speaks for the word"""
    line_starts: NDArray[np.bool_]
    """[words]: whether a line break stands between the word and the one before it, or it is the
    first of its text"""


def read_pieces(tokenizer: Any, texts: Sequence[str]) -> list[Pieces]:
    """Read `texts` with a fast tokenizer of transformers, all of each, on all cores."""
    readings = read_texts(tokenizer, texts)
    pieces, words = ends(readings.piece_counts), ends(readings.word_counts)
    return [
        Pieces(
            readings.ids[a:b],
            readings.offsets[a:b],
            [Word(start, end) for start, end in readings.words[c:d].tolist()],
            readings.word_pieces[c:d] - a,
        )
        for (a, b), (c, d) in zip(pairwise(pieces), pairwise(words), strict=True)
    ]


def read_texts(tokenizer: Any, texts: Sequence[str]) -> Readings:
    """Read `texts` with a fast tokenizer of transformers, all of each, on all cores."""
    backend = tokenizer.backend_tokenizer
    # A tokenizer.json may bring truncation and padding along; either would lose or add text.
    backend.no_truncation()
    backend.no_padding()
    encodings = backend.encode_batch(list(texts), add_special_tokens=False)
    piece_counts = np.array([len(encoding) for encoding in encodings], np.int64)
    total = int(piece_counts.sum())
    ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int64, total)
    pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
    offsets = np.fromiter(chain.from_iterable(pairs), np.int64, 2 * total).reshape(-1, 2)
    words, word_counts = find_words_of(texts)

    # All texts on one line, a gap behind each: no piece covers anything of another text.
    begins = ends(np.array([len(text) + 1 for text in texts], np.int64))[:-1]
    piece_places = offsets + np.repeat(begins, piece_counts)[:, None]
    word_places = words + np.repeat(begins, word_counts)[:, None]
    # The first piece that ends behind the word's start covers some of the word if it begins before
    # the word's end. The running maximum keeps the ends sorted where a normaliser reordered marks.
    reached = np.maximum.accumulate(piece_places[:, 1])
    first = np.searchsorted(reached, word_places[:, 0], side="right")
    seen = first < total
    seen[seen] = piece_places[first[seen], 0] < word_places[seen, 1]
    owners = np.repeat(np.arange(len(texts)), word_counts)
    # The gap behind a text counts as a line break, so that each text begins a line.
    joined = "".join(f"{text}\n" for text in texts).encode("utf-32-le", "surrogatepass")
    breaks = np.flatnonzero(np.frombuffer(joined, np.uint32) == ord("\n"))
    lines = np.searchsorted(breaks, word_places[seen, 0])
    return Readings(
        ids,
        offsets,
        piece_counts,
        words[seen],
        np.bincount(owners[seen], minlength=len(texts)),
        first[seen],
        np.diff(lines, prepend=-1) > 0,
    )


def ends(counts: IntArray) -> IntArray:
    """[texts + 1]: where each of the texts with so many items begins, and the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

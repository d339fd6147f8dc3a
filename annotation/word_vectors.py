"""Texts as vectors of their words and pairs of neighbouring words: how alike two texts are.

The words are those of the word rule over folded texts, as `annotation.duplicates` compares them;
how often a text repeats them does not count. A word or pair weighs from 1, if no other text has it,
down to 1/2, if all have. It is not the usual logarithm: among many copies of a story that takes
the story's own words for common ones, and a few changed words hide that they are copies.
Vectors have length 1: their product is the cosine.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from annotation.duplicates import fold
from annotation.words import find_words

Vectors = Any
"""A sparse matrix of scipy, CSR, float32: a row a text."""

_COLUMNS = 1 << 20
"""Words and pairs are hashed to so many columns: a dictionary of all pairs of an archive would need
more memory than the vectors. Two that fall together make two texts a little more alike."""


def word_vectors(texts: Sequence[str]) -> Vectors:
    """A row for each text; one without words has no entries and is like no other."""
    hashing = HashingVectorizer(
        analyzer=_words_and_pairs,
        n_features=_COLUMNS,
        alternate_sign=False,
        binary=True,
        norm=None,
        dtype=np.float32,
    )
    vectors = hashing.transform(texts)
    having = np.bincount(vectors.indices, minlength=_COLUMNS)
    weights = (1 - having / (2 * max(len(texts), 1))).astype(np.float32)
    vectors.data *= weights[vectors.indices]
    return normalize(vectors, copy=False)


def _words_and_pairs(text: str) -> list[str]:
    folded = fold(text)
    words = [folded[start:end] for start, end in find_words(folded)]
    return words + [f"{one} {other}" for one, other in pairwise(words)]

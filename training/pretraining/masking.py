"""Hide whole words, for the model to guess."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

SHOWN_AS_MASK = 0.8
SHOWN_AS_OTHER = 0.1
"""Of the hidden pieces; the rest stay as they are, so that the model must look at all pieces."""


class Masked(NamedTuple):
    """A batch with hidden words."""

    ids: Ids
    """[sequences, pieces]: what the model sees"""
    places: Ids
    """[hidden]: where they stand in the flattened batch"""
    pieces: Ids
    """[hidden]: what stands there in truth"""


class WordMasker:
    """Hides about `rate` of the words of each batch, all pieces of a word together."""

    def __init__(
        self, pieces: Sequence[str], special: Sequence[int], mask: int, rate: float
    ) -> None:
        """`pieces` are the vocabulary in the order of its ids."""
        self._continues = np.array([piece.startswith("##") for piece in pieces])
        self._special = np.zeros(len(pieces), bool)
        self._special[list(special)] = True
        self._ordinary = np.flatnonzero(~self._special)
        self._mask = mask
        self._rate = rate

    def hide(self, ids: Ids, random: np.random.Generator) -> Masked:
        """Hide words of `ids` [sequences, pieces]."""
        flat = ids.reshape(-1)
        words = np.cumsum(~self._continues[flat])
        drawn = random.random(int(words[-1]) + 1) < self._rate
        places = np.flatnonzero(drawn[words] & ~self._special[flat])
        pieces = flat[places]
        fate = random.random(len(places))
        shown = np.where(fate < SHOWN_AS_MASK, self._mask, pieces)
        other = (fate >= SHOWN_AS_MASK) & (fate < SHOWN_AS_MASK + SHOWN_AS_OTHER)
        shown[other] = random.choice(self._ordinary, int(other.sum()))
        seen = flat.copy()
        seen[places] = shown
        return Masked(seen.reshape(ids.shape), places, pieces)

"""Which passages of a large text are most like the reports that the encoder is for.

By the words they use: each piece weighs the logarithm of how much more frequent it is in the
reports than in the text, and a sequence what its pieces weigh (after Moore and Lewis, "Intelligent
selection of language model training data", 2010, with single pieces for their language models).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PieceIds = NDArray[np.unsignedinteger[Any]]

ROWS = 65_536
"""Sequences that are weighed together."""


class Focus:
    """Chooses a share of the sequences, those most like some reports."""

    def __init__(self, like: PieceIds, stream: PieceIds, vocabulary: int, share: float) -> None:
        """`like` and `stream`: the pieces of the reports and of the text."""
        self._weights = _frequency(like, vocabulary) - _frequency(stream, vocabulary)
        self._share = share

    def kept(self, count: int) -> int:
        """How many of `count` sequences are chosen."""
        return round(self._share * count) if count > 0 else count

    def nearest(self, sequences: PieceIds) -> NDArray[np.bool_]:
        """[sequences]: whether each of `sequences`, [sequences, pieces], is among the chosen."""
        weights = np.concatenate(
            [
                self._weights[sequences[first : first + ROWS]].sum(axis=1)
                for first in range(0, len(sequences), ROWS)
            ]
        )
        chosen = np.zeros(len(sequences), bool)
        chosen[np.argsort(-weights, kind="stable")[: self.kept(len(sequences))]] = True
        return chosen


def _frequency(pieces: PieceIds, vocabulary: int) -> NDArray[np.float32]:
    """[vocabulary]: the logarithm of each piece's share, none of them without any."""
    counts = np.bincount(pieces, minlength=vocabulary) + 1.0
    return np.asarray(np.log(counts / counts.sum()), np.float32)

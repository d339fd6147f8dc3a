"""Overlapping windows over a text that is longer than what a model can hold.

Nothing is truncated: every piece is in some window, every word is read in the window that shows
the most of what stands around it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.pieces import IntArray, Pieces


@dataclass(frozen=True, slots=True)
class Window:
    """What the model is given at once: a stretch of one text, between the special pieces."""

    ids: IntArray
    """[pieces], the special ones included"""
    words: slice
    """The words of the text that this window decides: those it shows better than its neighbours"""
    rows: IntArray
    """[words]: where in `ids` the pieces stand that speak for them"""


class WindowCutter:
    """Cuts texts for one model. `window_size` counts pieces, the special ones included."""

    def __init__(self, tokenizer: Any, window_size: int) -> None:
        # What stands around a text: read off any text, for the rule is the tokenizer's own.
        framed = tokenizer.backend_tokenizer.encode("0")
        inner = [i for i, special in enumerate(framed.special_tokens_mask) if not special]
        self._before = np.array(framed.ids[: inner[0]], np.int64)
        self._after = np.array(framed.ids[inner[-1] + 1 :], np.int64)
        self._capacity = window_size - len(self._before) - len(self._after)

    def cut(self, reading: Pieces) -> list[Window]:
        """The windows of one text, in order; none where the tokenizer shows nothing of it."""
        bounds = window_bounds(len(reading.ids), self._capacity)
        # Pieces ascend with words, so the owners do too: each window decides a run of words.
        owners = owning_windows(bounds, reading.word_pieces)
        runs = np.searchsorted(owners, np.arange(len(bounds) + 1))
        windows = []
        for k, (start, stop) in enumerate(bounds):
            words = slice(int(runs[k]), int(runs[k + 1]))
            ids = np.concatenate([self._before, reading.ids[start:stop], self._after])
            rows = reading.word_pieces[words] - start + len(self._before)
            windows.append(Window(ids, words, rows))
        return windows


def window_bounds(piece_count: int, capacity: int) -> IntArray:
    """[windows, 2]: first piece and the one behind the last, of windows of `capacity` pieces.

    Evenly spaced, each sharing at least half with the next. A text that fits is one window, one
    without pieces has none.
    """
    if capacity < 2:
        raise ValueError(f"windows of {capacity} pieces cannot overlap, expected 2 or more")
    if piece_count == 0:
        return np.zeros((0, 2), np.int64)
    surplus = max(piece_count - capacity, 0)
    steps = -(-surplus // (capacity // 2))
    starts = np.linspace(0, surplus, steps + 1).astype(np.int64)
    return np.stack([starts, np.minimum(starts + capacity, piece_count)], axis=1)


def owning_windows(bounds: IntArray, pieces: IntArray) -> IntArray:
    """For each of `pieces` the index of the window that has the most context around it.

    Context is the smaller of the distances to the window's two edges, where an edge of the text is
    no edge. With windows of one length that is the window whose middle is nearest, so between two
    neighbours the border runs through the middle of what they share.
    """
    borders = (bounds[:-1, 1] - 1 + bounds[1:, 0]) / 2
    return np.searchsorted(borders, pieces, side="left")

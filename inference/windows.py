"""Overlapping windows over a text that is longer than what a model can hold.

Nothing is truncated: every piece is in some window, every word is read in the window that shows
the most of what stands around it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.pieces import IntArray, Pieces, Readings, ends


@dataclass(frozen=True, slots=True)
class Window:
    """What the model is given at once: a stretch of one text, between the special pieces."""

    ids: IntArray
    """[pieces], the special ones included"""
    words: slice
    """The words of the text that this window decides: those it shows better than its neighbours"""
    rows: IntArray
    """[words]: where in `ids` the pieces stand that speak for them"""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of many texts, in their order, end to end in arrays."""

    ids: IntArray
    """[pieces of all windows], the special ones included"""
    bounds: IntArray
    """[windows + 1]: where in `ids` each window begins, and the last one ends"""
    texts: IntArray
    """[windows]: the index of the text that each is a stretch of"""
    word_bounds: IntArray
    """[windows + 1]: where in all texts' words each window's begin; it decides them up to the next
    window's"""
    rows: IntArray
    """[words of all texts]: where, in the window that decides the word, its piece stands"""

    @property
    def lengths(self) -> IntArray:
        """[windows]: pieces, with the special ones."""
        return np.diff(self.bounds)

    def window(self, index: int) -> Window:
        """One of them."""
        first, behind = self.word_bounds[index : index + 2].tolist()
        start, stop = self.bounds[index : index + 2].tolist()
        return Window(self.ids[start:stop], slice(first, behind), self.rows[first:behind])


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
        counts = np.array([len(reading.ids)], np.int64)
        windows = self._cut(reading.ids, counts, reading.word_pieces)
        return [windows.window(index) for index in range(len(windows.texts))]

    def cut_all(self, readings: Readings) -> Windows:
        """The windows of all texts, in order."""
        return self._cut(readings.ids, readings.piece_counts, readings.word_pieces)

    def _cut(self, pieces: IntArray, counts: IntArray, word_pieces: IntArray) -> Windows:
        bounds, texts = _window_bounds(counts, self._capacity)
        bounds += ends(counts)[texts][:, None]
        # Pieces ascend with words, so the owners do too: each window decides a run of words.
        owners = owning_windows(bounds, word_pieces)
        inner = np.diff(bounds, axis=1)[:, 0]
        before, behind = len(self._before), len(self._after)
        places = ends(inner + before + behind)
        ids = np.empty(places[-1], np.int64)
        ids[places[:-1, None] + np.arange(before)] = self._before
        ids[places[1:, None] - behind + np.arange(behind)] = self._after
        # The stretches of all windows, one behind the other: from where in the texts, to where.
        offset = np.arange(inner.sum()) - np.repeat(ends(inner)[:-1], inner)
        ids[offset + np.repeat(places[:-1] + before, inner)] = pieces[
            offset + np.repeat(bounds[:, 0], inner)
        ]
        return Windows(
            ids,
            places,
            texts,
            np.searchsorted(owners, np.arange(len(bounds) + 1)),
            word_pieces - bounds[owners, 0] + before,
        )


def window_bounds(piece_count: int, capacity: int) -> IntArray:
    """[windows, 2]: first piece and the one behind the last, of windows of one length.

    As few as can share a quarter of `capacity` with the next, evenly spaced, and no longer than
    that takes. A text that fits is one window, one without pieces has none.
    """
    return _window_bounds(np.array([piece_count], np.int64), capacity)[0]


def _window_bounds(counts: IntArray, capacity: int) -> tuple[IntArray, IntArray]:
    """The window_bounds of each of many texts, one behind the other, and [windows] whose."""
    if capacity < 2:
        raise ValueError(f"windows of {capacity} pieces cannot overlap, expected 2 or more")
    shared = capacity - capacity * 3 // 4
    steps = -(-np.maximum(counts - capacity, 0) // (capacity - shared))
    sizes = -(-(counts + steps * shared) // (steps + 1))
    numbers = np.where(counts > 0, steps + 1, 0)
    texts = np.repeat(np.arange(len(counts)), numbers)
    step = np.arange(len(texts)) - np.repeat(ends(numbers)[:-1], numbers)
    starts = step * (counts - sizes)[texts] // np.maximum(steps, 1)[texts]
    return np.stack([starts, starts + sizes[texts]], axis=1), texts


def owning_windows(bounds: IntArray, pieces: IntArray) -> IntArray:
    """For each of `pieces` the index of the window that has the most context around it.

    Context is the smaller of the distances to the window's two edges, where an edge of the text is
    no edge. With windows of one length that is the window whose middle is nearest, so between two
    neighbours the border runs through the middle of what they share. Texts may stand one behind
    the other: their windows share nothing, and the border runs between them.
    """
    borders = (bounds[:-1, 1] - 1 + bounds[1:, 0]) / 2
    return np.searchsorted(borders, pieces, side="left")

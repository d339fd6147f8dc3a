import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.pieces import read_pieces
from inference.windows import WindowCutter, owning_windows, window_bounds

sizes = st.tuples(st.integers(0, 400), st.integers(2, 60))


def context(piece: int, start: int, stop: int, count: int) -> float:
    """How far the window's nearer edge is; an edge of the text is none, outside is nothing."""
    if not start <= piece < stop:
        return -1
    left = math.inf if start == 0 else piece - start
    right = math.inf if stop == count else stop - 1 - piece
    return min(left, right)


@pytest.mark.parametrize(
    ("pieces", "capacity", "expected"),
    [
        (0, 10, []),
        (1, 10, [[0, 1]]),
        (9, 10, [[0, 9]]),
        (10, 10, [[0, 10]]),
        (11, 10, [[0, 7], [4, 11]]),
        (15, 10, [[0, 9], [6, 15]]),
        (17, 10, [[0, 10], [7, 17]]),
        (18, 10, [[0, 8], [5, 13], [10, 18]]),
        (20, 10, [[0, 9], [5, 14], [11, 20]]),
        (80, 10, [[7 * k, 7 * k + 10] for k in range(11)]),
    ],
)
def test_windows_of_texts_of_every_length(
    pieces: int, capacity: int, expected: list[list[int]]
) -> None:
    assert window_bounds(pieces, capacity).tolist() == expected


@given(sizes)
def test_windows_cover_everything_and_neighbours_share_a_quarter(size: tuple[int, int]) -> None:
    count, capacity = size
    bounds = window_bounds(count, capacity).tolist()
    if count == 0:
        assert bounds == []
        return
    assert bounds[0][0] == 0
    assert bounds[-1][1] == count
    lengths = {stop - start for start, stop in bounds}
    assert len(lengths) == 1
    assert max(lengths) <= capacity
    shared = [stop - following for (_, stop), (following, _) in pairwise(bounds)]
    assert all(4 * pieces >= capacity for pieces in shared)
    assert all(start < following for (start, _), (following, _) in pairwise(bounds))
    # Windows shorter by one would share less somewhere, or not reach the end.
    length, least = max(lengths), math.ceil(capacity / 4)
    assert len(bounds) == 1 or len(bounds) * (length - 1) < count + len(shared) * least
    # No more windows than that takes.
    assert len(bounds) == 1 + math.ceil(max(count - capacity, 0) / (capacity * 3 // 4))


def test_a_capacity_that_cannot_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="windows of 1 pieces cannot overlap"):
        window_bounds(5, 1)


@given(sizes)
def test_a_piece_belongs_to_the_window_with_the_most_context(size: tuple[int, int]) -> None:
    count, capacity = size
    bounds = window_bounds(count, capacity)
    owners = owning_windows(bounds, np.arange(count))
    for piece, owner in enumerate(owners.tolist()):
        contexts = [context(piece, start, stop, count) for start, stop in bounds.tolist()]
        assert contexts[owner] == max(contexts)
        # An eighth of a window at least, where the text itself does not end.
        assert contexts[owner] >= (capacity // 4 - 1) // 2


WORDS = ["قوات", "السد", "ﷺ", "أعلنت", "وزارة", "الصحة", "ـ", "🚨", "طــويل", "قوات\x00السد", "12"]


@given(st.lists(st.sampled_from(WORDS), max_size=60), st.integers(4, 20))
def test_each_word_is_decided_once_by_the_window_with_the_most_context(
    tiny_tokenizer: Any, words: list[str], window_size: int
) -> None:
    reading = read_pieces(tiny_tokenizer, [" ".join(words)])[0]
    windows = WindowCutter(tiny_tokenizer, window_size).cut(reading)
    bounds = window_bounds(len(reading.ids), window_size - 2).tolist()
    assert len(windows) == len(bounds)
    decided = []
    for window, (start, stop) in zip(windows, bounds, strict=True):
        assert len(window.ids) <= window_size
        assert window.ids[0] == tiny_tokenizer.cls_token_id
        assert window.ids[-1] == tiny_tokenizer.sep_token_id
        assert window.ids[1:-1].tolist() == reading.ids[start:stop].tolist()
        mine = list(range(len(reading.words)))[window.words]
        assert len(window.rows) == len(mine)
        for word, row in zip(mine, window.rows.tolist(), strict=True):
            piece = int(reading.word_pieces[word])
            assert row == piece - start + 1
            contexts = [context(piece, *other, len(reading.ids)) for other in bounds]
            assert context(piece, start, stop, len(reading.ids)) == max(contexts)
        decided += mine
    assert decided == list(range(len(reading.words)))


@pytest.mark.parametrize("pieces", [0, 1, 62, 63, 620])
def test_every_piece_of_a_text_is_in_some_window(tiny_tokenizer: Any, pieces: int) -> None:
    reading = read_pieces(tiny_tokenizer, ["قوات " * pieces])[0]
    assert len(reading.ids) == pieces
    windows = WindowCutter(tiny_tokenizer, 64).cut(reading)
    assert len(windows) == {0: 0, 1: 1, 62: 1, 63: 2, 620: 14}[pieces]
    longest = {0: 0, 1: 3, 62: 64, 63: 42, 620: 62}[pieces]
    assert all(len(window.ids) == longest for window in windows)
    assert sum(window.words.stop - window.words.start for window in windows) == pieces

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import TrainerControl, TrainerState

from training.sampling import POOL, LengthSampler, TellEpoch

LENGTHS = [int(n) for n in np.random.default_rng(5).integers(3, 257, 3000)]
BATCH = 8


def order(seed: int = 13, epoch: int = 0, lengths: list[int] = LENGTHS, batch: int = BATCH) -> list:
    sampler = LengthSampler(lengths, batch, seed)
    sampler.epoch = epoch
    return list(sampler)


def padding(indices: list[int]) -> int:
    """Places that hold nothing when each batch is padded to its longest."""
    batches = [[LENGTHS[i] for i in indices[k : k + BATCH]] for k in range(0, len(indices), BATCH)]
    return sum(max(batch) * len(batch) - sum(batch) for batch in batches)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    np.random.seed(1)
    first = order()
    np.random.seed(2)
    sampler = LengthSampler(LENGTHS, BATCH, 13)
    assert list(sampler) == first
    assert list(sampler) == first, "a second pass of the same epoch"
    sampler.epoch = 1
    second = list(sampler)
    assert second != first
    assert second == order(epoch=1), "the epochs before leave no trace"
    assert order(seed=14) != first
    assert order(seed=14) != second, "seed and epoch are not just added up"


@given(
    st.lists(st.integers(1, 300), max_size=900),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
    st.integers(0, 5),
)
def test_every_window_is_learned_once_an_epoch(
    lengths: list[int], batch: int, seed: int, epoch: int
) -> None:
    indices = order(seed, epoch, lengths, batch)
    assert sorted(indices) == list(range(len(lengths)))


def test_batches_hold_windows_of_like_length() -> None:
    drawn = np.random.default_rng(0).permutation(len(LENGTHS)).tolist()
    assert padding(order()) * 10 < padding(drawn)


def test_batches_do_not_come_sorted_by_length() -> None:
    indices = order()
    longest = [max(LENGTHS[i] for i in indices[k : k + BATCH]) for k in range(0, 3000, BATCH)]
    rising = sum(a < b for a, b in pairwise(longest))
    assert 0.4 < rising / len(longest) < 0.6


@pytest.mark.parametrize(
    "count", [1, 7, 8, 9, BATCH * POOL, BATCH * POOL + 3, 3 * BATCH * POOL - 1]
)
def test_only_the_last_batch_is_short(count: int) -> None:
    """Cut at multiples of the batch size, each batch is one that was made of like lengths."""
    lengths = LENGTHS[:count]
    indices = order(lengths=lengths)
    sizes = [len(indices[k : k + BATCH]) for k in range(0, count, BATCH)]
    assert sizes == [BATCH] * (count // BATCH) + ([count % BATCH] if count % BATCH else [])
    for k in range(0, count - count % BATCH, BATCH):
        batch = [lengths[i] for i in indices[k : k + BATCH]]
        assert batch == sorted(batch, reverse=True), "the stream is cut across two batches"


def test_batches_change_from_epoch_to_epoch() -> None:
    def batches(epoch: int) -> Counter:
        indices = order(epoch=epoch)
        return Counter(frozenset(indices[k : k + BATCH]) for k in range(0, len(indices), BATCH))

    assert (batches(0) & batches(1)).total() == 0


@pytest.mark.parametrize(
    ("reached", "epoch"), [(None, 0), (0.0, 0), (0.4, 0), (1.0, 1), (2.875, 2), (7.0, 7)]
)
def test_the_sampler_is_told_the_epoch_after_a_resume_too(
    reached: float | None, epoch: int
) -> None:
    sampler = LengthSampler(LENGTHS, BATCH, 13)
    state = TrainerState()
    state.epoch = reached
    TellEpoch(sampler).on_epoch_begin(None, state, TrainerControl())
    assert sampler.epoch == epoch

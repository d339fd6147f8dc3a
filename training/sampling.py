"""The order in which windows are learned: of like length together, decided by seed and epoch alone.

So a run that was killed in the middle of an epoch and resumed goes on with the very same batches.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

POOL = 50
"""Batches that are drawn together and sorted by length: less padding, still a random order."""


class LengthSampler(Sampler[int]):
    """Yields indices batch by batch; `epoch` says which order."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.epoch = 0
        self._lengths = np.array(lengths)
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self.epoch])
        order = random.permutation(len(self._lengths))
        pool = self._batch_size * POOL
        batches = []
        for start in range(0, len(order), pool):
            drawn = order[start : start + pool]
            drawn = drawn[np.argsort(-self._lengths[drawn], kind="stable")]
            batches += [
                drawn[i : i + self._batch_size] for i in range(0, len(drawn), self._batch_size)
            ]
        # Only the last batch that is yielded may be short: the loader cuts the stream at multiples.
        short = [batch for batch in batches if len(batch) < self._batch_size]
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        for number in random.permutation(len(whole)):
            yield from whole[number].tolist()
        for batch in short:
            yield from batch.tolist()


class TellEpoch(TrainerCallback):  # type: ignore[misc]
    """Tells the sampler each epoch's number, the first after a resume too."""

    def __init__(self, sampler: LengthSampler) -> None:
        self._sampler = sampler

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """`state.epoch` is whole at an epoch's beginning, and broken when resumed inside one."""
        self._sampler.epoch = int(state.epoch or 0)

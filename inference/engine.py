"""What runs a model: windows of piece ids in, logits out."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
import torch

from inference.decoding import FloatArray
from inference.pieces import IntArray

LENGTH_STEP = 32


def padding_step(window_size: int) -> int:
    """Batches are padded to multiples of this many pieces.

    On a CPU kernels are built, and kept in memory, for each new shape: few shapes are faster and
    smaller than little padding. It never leads beyond the window, which a model may not hold.
    """
    return LENGTH_STEP if window_size % LENGTH_STEP == 0 else 1


class Engine(Protocol):
    """A way to run a token classifier. One file an engine; the predictor does all the rest."""

    precision: str
    """`exact`, `fast` or `fastest`: recorded with every result."""

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """Logits [pieces, tags] of each window, given its piece ids with the special ones."""
        ...


class TorchEngine:
    """The model itself in PyTorch, windows padded to a batch.

    `exact` runs in the precision of its weights, `fast` multiplies in bfloat16. With a `step` of 1
    and a window at a time nothing is padded: the reference that other engines are held against.
    """

    def __init__(
        self,
        model: Any,
        pad_id: int,
        window_size: int,
        *,
        precision: str = "exact",
        step: int | None = None,
    ) -> None:
        self.precision = precision
        self._model = model
        self._pad_id = pad_id
        self._step = step or padding_step(window_size)

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """See Engine. Leaves the model's training mode as it found it."""
        ids, mask = pad_windows(windows, self._pad_id, self._step)
        device = self._model.device
        training = self._model.training
        lower = torch.autocast(device.type, torch.bfloat16)
        self._model.eval()
        try:
            with torch.inference_mode(), lower if self.precision == "fast" else nullcontext():
                logits = self._model(
                    input_ids=torch.from_numpy(ids).to(device),
                    attention_mask=torch.from_numpy(mask).to(device),
                ).logits
        finally:
            self._model.train(training)
        array = logits.float().cpu().numpy()
        return [array[row, : len(window)] for row, window in enumerate(windows)]


def pad_windows(windows: Sequence[IntArray], pad_id: int, step: int) -> tuple[IntArray, IntArray]:
    """Ids and mask [windows, pieces] of a batch, as long as its longest to the next multiple."""
    longest = -(-max(len(window) for window in windows) // step) * step
    ids = np.full((len(windows), longest), pad_id, np.int64)
    mask = np.zeros((len(windows), longest), np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask

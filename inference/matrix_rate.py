"""What a machine can do at most: the rate of its matrix products."""

import time
from collections.abc import Callable

import numpy as np
import torch

MATRIX = 2048
"""Rows and columns: large enough to keep all cores busy, small enough for every machine."""
REPETITIONS = 8


def measured_matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product, the best of several."""
    left = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    right = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)

    def multiply() -> None:
        left @ right
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    rate = _best_rate(multiply)
    if device.type == "cpu" and dtype == torch.float32:
        # PyTorch multiplies with MKL, which is slow on others' processors; numpy has a library of
        # its own.
        arrays = left.numpy(), right.numpy()
        rate = max(rate, _best_rate(lambda: np.matmul(*arrays)))
    return rate


def _best_rate(multiply: Callable[[], object]) -> float:
    multiply()
    best = 0.0
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        multiply()
        best = max(best, 2 * MATRIX**3 / (time.perf_counter() - started))
    return best

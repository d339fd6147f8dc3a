"""How fast pre-training is, against what the machine can do at most."""

import time
from typing import Any

import torch

MATRIX = 2048


def measured_matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product, the best of several."""
    left = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    right = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    best = 0.0
    for _ in range(8):
        _wait(device)
        started = time.perf_counter()
        left @ right
        _wait(device)
        best = max(best, 2 * MATRIX**3 / (time.perf_counter() - started))
    return best


def operations_per_piece(model: Any, sequence: int, masked: float) -> float:
    """Of a forward and a backward pass: 6 for each weight that multiplies, and attention's own."""
    config = model.config
    output = config.vocab_size * config.hidden_size
    embedded = sum(p.numel() for n, p in model.base_model.named_parameters() if "embed" in n)
    encoder = sum(p.numel() for p in model.base_model.parameters() if p.ndim == 2) - embedded
    attention = 2 * config.num_hidden_layers * sequence * config.hidden_size
    return float(6 * (encoder + attention + masked * output))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

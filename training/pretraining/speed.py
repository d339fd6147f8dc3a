"""How fast pre-training is, against what the machine can do at most."""

from typing import Any


def operations_per_piece(model: Any, sequence: int, masked: float) -> float:
    """Of a forward and a backward pass: 6 for each weight that multiplies, and attention's own."""
    config = model.config
    output = config.vocab_size * config.hidden_size
    embedded = sum(p.numel() for n, p in model.base_model.named_parameters() if "embed" in n)
    encoder = sum(p.numel() for p in model.base_model.parameters() if p.ndim == 2) - embedded
    attention = 2 * config.num_hidden_layers * sequence * config.hidden_size
    return float(6 * (encoder + attention + masked * output))

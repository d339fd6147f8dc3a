"""Learning rates by depth: the nearer to the text, the less an encoder has to change."""

from collections import defaultdict
from typing import Any

import regex
from torch import nn

_LAYER = regex.compile(r"(?:^|\.)layers?\.(\d+)\.")


def rate_groups(
    model: nn.Module, decayed: set[str], rate: float, weight_decay: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser.

    What stands above the encoder learns at `rate`, each layer at `layer_decay` times the rate of
    the one above it, the embeddings slowest. `decayed` are the parameters with `weight_decay`.
    """
    numbered = {name: _LAYER.search(name) for name, _ in model.named_parameters()}
    layers = 1 + max((int(found.group(1)) for found in numbered.values() if found), default=-1)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        found = numbered[name]
        above = layers + 1 if "embed" in name else 0
        steps = layers - int(found.group(1)) if found else above
        if parameter.requires_grad:
            groups[steps, name in decayed].append(parameter)
    return [
        {
            "params": parameters,
            "lr": rate * layer_decay**steps,
            "weight_decay": weight_decay if is_decayed else 0.0,
        }
        for (steps, is_decayed), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]

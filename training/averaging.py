"""A running average of the weights: steadier than those of any one step (Polyak and Juditsky 1992).

It is kept in the optimiser's state, so checkpoints hold it, and a resumed run goes on with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_AVERAGE = "average"
"""Of each parameter, beside what the optimiser itself keeps."""
_TAKEN = "averaged_steps"
"""Of each group of parameters: how many steps are in the average."""


class WeightAverage:
    """The average over about the last `steps` steps, older ones weighing less and less."""

    def __init__(self, optimizer: torch.optim.Optimizer, steps: float) -> None:
        self._optimizer = optimizer
        self._least = 1 / max(steps, 1)
        optimizer.register_step_post_hook(self._take)

    @torch.no_grad()
    def _take(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Let the weights of one more step in; of the first steps all weigh the same."""
        for group in optimizer.param_groups:
            group[_TAKEN] = group.get(_TAKEN, 0) + 1
            share = max(1 / group[_TAKEN], self._least)
            for parameter in group["params"]:
                state = optimizer.state[parameter]
                if _AVERAGE in state:
                    state[_AVERAGE].lerp_(parameter, share)
                else:
                    state[_AVERAGE] = parameter.detach().clone()

    @torch.no_grad()
    def swap(self) -> None:
        """Put the average into the model and its weights where the average was, or back again."""
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                state = self._optimizer.state[parameter]
                if _AVERAGE in state:
                    held = parameter.detach().clone()
                    parameter.copy_(state[_AVERAGE])
                    state[_AVERAGE].copy_(held)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the model's weights are the average."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

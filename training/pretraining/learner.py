"""The encoder that learns, its optimisers, and their state on disk."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.pretraining.config import OptimizerSection

STATE = "state.pt"
PROGRESS = "progress.json"


class MaskedLearner(nn.Module):
    """A masked language model that computes predictions only where pieces are hidden."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, places: Tensor, pieces: Tensor) -> Tensor:
        """Mean loss over the hidden `pieces`, [hidden], at `places` of the flattened batch."""
        hidden = self.model.base_model(input_ids=ids).last_hidden_state
        chosen = hidden.reshape(-1, hidden.shape[-1]).index_select(0, places)
        return nn.functional.cross_entropy(self._predict(chosen).float(), pieces)

    def _predict(self, hidden: Tensor) -> Tensor:
        # The heads of transformers' masked language models go by these names.
        if hasattr(self.model, "cls"):
            return self.model.cls(hidden)  # type: ignore[no-any-return]
        if hasattr(self.model, "lm_head"):
            return self.model.lm_head(hidden)  # type: ignore[no-any-return]
        return self.model.decoder(self.model.head(hidden))  # type: ignore[no-any-return]


class Optimizers:
    """AdamW, or Muon for the matrices inside the encoder and AdamW for all else."""

    def __init__(self, learner: nn.Module, settings: OptimizerSection) -> None:
        self._clip = settings.clip
        self._parameters = [p for p in learner.parameters() if p.requires_grad]
        named = [(n, p) for n, p in learner.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if p.ndim == 2 and "embed" not in n and "decoder" not in n]
        if settings.name != "muon":
            matrices = []
        inside = {id(p) for p in matrices}
        rest = [(n, p) for n, p in named if id(p) not in inside]
        # Norms and biases are not pulled towards zero.
        groups = [
            {
                "params": [p for _, p in rest if (p.ndim >= 2) == decayed],
                "weight_decay": settings.weight_decay if decayed else 0.0,
            }
            for decayed in (True, False)
        ]
        self._all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, settings.learning_rate, settings.betas, fused=True)
        ]
        if matrices:
            self._all.append(
                torch.optim.Muon(
                    matrices,
                    settings.matrix_learning_rate,
                    weight_decay=settings.weight_decay,
                    adjust_lr_fn="original",
                )
            )
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["full_rate"] = group["lr"]

    def step(self, rate: float) -> None:
        """Apply the gradients at `rate` of the full learning rate, and clear them."""
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """What `restore` takes."""
        return [optimizer.state_dict() for optimizer in self._all]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Go on from `state`."""
        for optimizer, saved in zip(self._all, state, strict=True):
            optimizer.load_state_dict(saved)


def save_checkpoint(
    folder: Path, learner: MaskedLearner, optimizers: Optimizers, progress: dict[str, Any]
) -> None:
    """Replace the checkpoint in `folder`; one that was cut off in the writing does not count."""
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    state = {
        "model": learner.model.state_dict(),
        "optimizers": optimizers.state(),
        "random": torch.get_rng_state(),
    }
    torch.save(state, fresh / STATE)
    (fresh / PROGRESS).write_text(json.dumps(progress), "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def load_checkpoint(
    folder: Path, learner: MaskedLearner, optimizers: Optimizers
) -> dict[str, Any] | None:
    """Take up the checkpoint in `folder` and give its progress; None where there is none."""
    # A kill between the removal of the old one and the renaming leaves the new one, whole.
    for candidate in (folder, folder.with_name(folder.name + ".part")):
        if (candidate / PROGRESS).is_file():
            state = torch.load(candidate / STATE, map_location="cpu", weights_only=True)
            learner.model.load_state_dict(state["model"])
            optimizers.restore(state["optimizers"])
            torch.set_rng_state(state["random"])
            progress: dict[str, Any] = json.loads((candidate / PROGRESS).read_text("utf-8"))
            return progress
    return None

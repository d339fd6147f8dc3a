"""transformers' Trainer, made to measure span F1 by the very predictor that serves."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerControl

from annotation.report import Report
from inference.predictor import BatchPredictor
from training.evaluate import score_predictor
from training.examples import IGNORED
from training.rates import rate_groups
from training.sampling import LengthSampler, TellEpoch


class SpanTrainer(Trainer):  # type: ignore[misc]
    """Fits on windows, evaluates on whole reports."""

    def __init__(
        self,
        *,
        dev_reports: Sequence[Report],
        predictor: BatchPredictor,
        layer_decay: float = 1.0,
        **settings: Any,
    ) -> None:
        smoothing = settings["args"].label_smoothing_factor
        super().__init__(compute_loss_func=partial(word_loss, smoothing=smoothing), **settings)
        self._dev_reports = dev_reports
        self._layer_decay = layer_decay
        # It holds the model that is being trained, so it always predicts with today's weights.
        self._predictor = predictor
        self._sampler = LengthSampler(
            self.train_dataset["length"],
            self.args.per_device_train_batch_size,
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
        )
        self.add_callback(TellEpoch(self._sampler))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The trainer's own optimiser; with `layer_decay`, over groups by depth."""
        if self._layer_decay < 1 and self.optimizer is None:
            model = self.model if model is None else model
            groups = rate_groups(
                model,
                set(self.get_decay_parameter_names(model)),
                self.args.learning_rate,
                self.args.weight_decay,
                self._layer_decay,
            )
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args, model)
            self.optimizer: Any = kind(groups, **settings)
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthSampler:
        return self._sampler

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Strict span figures of the development reports; every process computes the same."""
        started = time.perf_counter()
        scores = score_predictor(self._predictor, self._dev_reports, self._predictor.labels)
        figures = {
            "f1": scores.micro.f1,
            "precision": scores.micro.precision,
            "recall": scores.micro.recall,
            **{f"f1_{label}": counts.f1 for label, counts in sorted(scores.labels.items())},
            "runtime": time.perf_counter() - started,
        }
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control: TrainerControl = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


def word_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    smoothing: float = 0.0,
) -> torch.Tensor:
    """Cross-entropy per word, over all `num_items_in_batch` words of a step.

    A step may be several batches, on several processes. The models' own loss is a batch's mean;
    Trainer takes it for this one, and would make the gradients greater by the number of batches.
    """
    total = cross_entropy(
        outputs["logits"].flatten(0, 1).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
    words = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    return total / max(words, 1)

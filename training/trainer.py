"""transformers' Trainer, made to measure span F1 by the very predictor that serves."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerControl

from annotation.report import Report
from inference.predictor import BatchPredictor
from training.averaging import WeightAverage
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
        averaged: float = 0.0,
        **settings: Any,
    ) -> None:
        """`averaged` is the share of the steps whose weights are averaged; see WeightAverage."""
        smoothing = settings["args"].label_smoothing_factor
        super().__init__(compute_loss_func=partial(word_loss, smoothing=smoothing), **settings)
        self._dev_reports = dev_reports
        self._layer_decay = layer_decay
        self._averaged = averaged
        self._average: WeightAverage | None = None
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

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The trainer's own: here it first knows how many steps there will be."""
        if self._averaged and self._average is None:
            # What accelerate wraps it into has no hooks.
            plain = getattr(self.optimizer, "optimizer", self.optimizer)
            self._average = WeightAverage(plain, self._averaged * num_training_steps)
        return super().create_scheduler(num_training_steps, optimizer)

    def train(self, *arguments: Any, **settings: Any) -> Any:
        """The trainer's own; then the model's weights are the average, if one is taken."""
        result = super().train(*arguments, **settings)
        if self._average is not None:
            self._average.swap()
            self._average = None
        return result

    # A checkpoint's model is the average, that of the best one as well; the weights that are
    # learned stand where the average was, in the optimiser's state.

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self._averaged_weights():
            super()._save_checkpoint(model, trial)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self._average is not None:
            self._average.swap()

    def _load_best_model(self) -> None:
        super()._load_best_model()
        self._average = None

    def _averaged_weights(self) -> AbstractContextManager[None]:
        return nullcontext() if self._average is None else self._average.in_place()

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
        with self._averaged_weights():
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

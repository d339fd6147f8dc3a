"""transformers' Trainer, made to measure span F1 by the very predictor that serves."""

import time
from collections.abc import Sequence
from typing import Any

from transformers import Trainer, TrainerControl

from annotation.report import Report
from inference.predictor import BatchPredictor
from training.evaluate import score_predictor
from training.sampling import LengthSampler, TellEpoch


class SpanTrainer(Trainer):  # type: ignore[misc]
    """Fits on windows, evaluates on whole reports."""

    def __init__(
        self, *, dev_reports: Sequence[Report], predictor: BatchPredictor, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._dev_reports = dev_reports
        # It holds the model that is being trained, so it always predicts with today's weights.
        self._predictor = predictor
        self._sampler = LengthSampler(
            self.train_dataset["length"],
            self.args.per_device_train_batch_size,
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
        )
        self.add_callback(TellEpoch(self._sampler))

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
        scores = score_predictor(self._predictor, self._dev_reports)
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

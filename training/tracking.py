"""What trackers are told: the record of a fit, beside the curve that transformers sends, and the
record of an evaluation.

`trainer.report_to` names them for a fit, `--report-to` for an evaluation. The record goes where
each keeps such things: to TensorBoard as a text and scalars, to MLflow as an artifact and metrics,
to Weights & Biases as configuration and summary. Other trackers that transformers knows get the
curve of a fit alone.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from transformers.integrations import MLflowCallback, TensorBoardCallback, WandbCallback

from annotation.problems import UserError
from training.record import RECORD
from training.tracker_names import EXTRA

log = logging.getLogger(__name__)

_NOT_IN_MLFLOW = re.compile(r"[^0-9A-Za-z_\-. :/]")


def check_trackers(
    report_to: str | Sequence[str] | None, asked_by: str = "trainer.report_to ="
) -> None:
    """Raise UserError for trackers of the extra that are asked for and not installed."""
    asked = [report_to] if isinstance(report_to, str) else list(report_to or ())
    missing = [name for name in EXTRA if name in asked and find_spec(name) is None]
    if missing:
        raise UserError(
            f"{asked_by} {', '.join(asked)}: {' and '.join(missing)} not installed; "
            "call pip install 'rasd[tracking]'"
        )


@dataclass(slots=True)
class Trackers:
    """The trackers of a trainer, with the runs that were opened for it."""

    callbacks: Sequence[Any]
    mlflow_run: str | None = None
    own_wandb_run: bool = False
    """Whether the run of Weights & Biases is ours to end; the caller may have one open."""

    @classmethod
    def open(cls, trainer: Any) -> "Trackers":
        """Open the runs of a trainer that is about to begin.

        Raises UserError for what a tracker refuses: a server that does not answer, a missing key.
        """
        trackers = cls(trainer.callback_handler.callbacks)
        for callback in trackers.callbacks:
            if not isinstance(callback, MLflowCallback | WandbCallback):
                continue
            name = "mlflow" if isinstance(callback, MLflowCallback) else "wandb"
            try:
                trackers._open(callback, trainer)
            # Each tracker has errors of its own, and of the libraries that it asks servers with.
            except Exception as error:
                told = " ".join(str(error).split())
                raise UserError(
                    f"trainer.report_to: {name} could not begin: {type(error).__name__}: {told}"
                ) from None
        return trackers

    def _open(self, callback: Any, trainer: Any) -> None:
        main = trainer.state.is_world_process_zero
        if isinstance(callback, WandbCallback):
            import wandb

            self.own_wandb_run = main and wandb.run is None
        callback.setup(trainer.args, trainer.state, trainer.model)
        if main and isinstance(callback, MLflowCallback):
            import mlflow

            self.mlflow_run = mlflow.active_run().info.run_id

    def send(self, record: Mapping[str, Any]) -> None:
        """Send the record of the finished fit; a tracker that does not take it is told of."""
        for callback in self.callbacks:
            try:
                if isinstance(callback, TensorBoardCallback):
                    step = record["best_step"]
                    _send_to_tensorboard(record, record["metrics"], step, callback.logging_dir)
                elif isinstance(callback, MLflowCallback):
                    self._send_to_mlflow(record)
                elif isinstance(callback, WandbCallback):
                    self._send_to_wandb(record)
            except Exception as error:
                name = type(callback).__name__.removesuffix("Callback")
                log.warning("%s did not take the record (it lies in %s): %s", name, RECORD, error)

    def _send_to_mlflow(self, record: Mapping[str, Any]) -> None:
        import mlflow

        # The run ended with the training, unless that had nothing left to do.
        if (active := mlflow.active_run()) and active.info.run_id == self.mlflow_run:
            mlflow.end_run()
        client = mlflow.MlflowClient()
        for name, value in flatten_metrics(record["metrics"]):
            key = _NOT_IN_MLFLOW.sub("_", name)
            client.log_metric(self.mlflow_run, key, value, step=record["best_step"])
        client.log_dict(self.mlflow_run, dict(record), RECORD)

    def _send_to_wandb(self, record: Mapping[str, Any]) -> None:
        import wandb

        wandb.run.summary.update(dict(flatten_metrics(record["metrics"])))
        wandb.run.config.update({"record": dict(record)}, allow_val_change=True)
        if self.own_wandb_run:
            # Else the next fit of this process would go on in it.
            wandb.finish()


def send_evaluation(
    evaluation: Mapping[str, Any], trackers: Sequence[str], output: Path, file: str
) -> None:
    """Send the content of the `file` that an evaluation has written into `output`.

    It is a run of its own, named after the folder. Examples of errors are left out: they are what
    reports say. A tracker that does not take it is told of.
    """
    classes = [
        {name: value for name, value in row.items() if name != "examples"}
        for row in evaluation["error_classes"]
    ]
    record = {**evaluation, "error_classes": classes}
    metrics = {"evaluation": {name: evaluation[name] for name in ("micro", "macro", "labels")}}
    for name in trackers:
        try:
            if name == "tensorboard":
                _send_to_tensorboard(record, metrics, 0, str(output / "tensorboard"))
            elif name == "mlflow":
                _evaluation_to_mlflow(record, metrics, output.name, file)
            elif name == "wandb":
                _evaluation_to_wandb(record, metrics, output.name)
        # Each tracker has errors of its own, and of the libraries that it asks servers with.
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            log.warning("%s did not take the record (it lies in %s): %s", name, file, told)


def _evaluation_to_mlflow(
    record: Mapping[str, Any], metrics: Mapping[str, Any], name: str, file: str
) -> None:
    import mlflow

    with mlflow.start_run(run_name=name) as run:
        for key, value in flatten_metrics(metrics):
            mlflow.log_metric(_NOT_IN_MLFLOW.sub("_", key), value, run_id=run.info.run_id)
        mlflow.log_dict(dict(record), file)


def _evaluation_to_wandb(record: Mapping[str, Any], metrics: Mapping[str, Any], name: str) -> None:
    import wandb

    with wandb.init(name=name, job_type="evaluation") as run:
        run.summary.update(dict(flatten_metrics(metrics)))
        run.config.update({"record": dict(record)})


def _send_to_tensorboard(
    record: Mapping[str, Any], metrics: Mapping[str, Any], step: int, folder: str
) -> None:
    with closing(SummaryWriter(log_dir=folder)) as writer:
        for name, value in flatten_metrics(metrics):
            writer.add_scalar(name, value, step)
        content = json.dumps(record, ensure_ascii=False, indent=2)
        writer.add_text("record", f"```json\n{content}\n```", step)


def flatten_metrics(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a record's metrics under names such as `dev/labels/ACTOR/f1`."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from flatten_metrics(value, f"{above}{name}/")
        elif isinstance(value, int | float):
            yield f"{above}{name}", value

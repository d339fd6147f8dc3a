"""Fit a token classifier on annotated reports: from a configuration to a model folder."""

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import disable_progress_bars
from transformers import (
    DataCollatorForTokenClassification,
    EarlyStoppingCallback,
    TrainerState,
    TrainingArguments,
    enable_full_determinism,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME

from annotation.files import write_json
from annotation.formats import ReadOptions
from annotation.labels import load_labels
from annotation.problems import UserError
from annotation.scoring import FIGURES
from annotation.tags import tag_names
from inference.calibration import CALIBRATION
from inference.engine import TorchEngine, padding_step
from inference.model_folder import CROSSES_LINES, model_hash
from inference.predictor import BatchPredictor
from training.augmentation.augment import augmented
from training.calibrate import Calibrated, calibrate, write_calibration
from training.card import write_card
from training.config import LABELS_FROM_DATA, Config
from training.data import (
    AnnotatedReports,
    hold_line_breaks,
    labels_in,
    missing_files,
    read_annotated,
)
from training.encoder import start_model
from training.evaluate import score_predictor, scores_to_json
from training.examples import build_examples
from training.hardware import bf16_is_fast, this_process
from training.record import RECORD, fit_record, settings_of_record
from training.tracking import Trackers, check_trackers
from training.trainer import SpanTrainer

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
SETTINGS = "settings.json"
"""In the checkpoints' folder: what the run was started with, so that no other one resumes it."""


@dataclass(frozen=True, slots=True)
class _Data:
    labels: list[str]
    train: AnnotatedReports
    dev: AnnotatedReports | None
    held_out: AnnotatedReports | None

    @property
    def parts(self) -> dict[str, AnnotatedReports]:
        named = {"train": self.train, "dev": self.dev, "held_out": self.held_out}
        return {name: part for name, part in named.items() if part is not None}


def fit(
    config: Config, output: Path, *, resume: bool = False, init: Path | None = None
) -> dict[str, Any]:
    """Fit a model into `output` and give its record (`training.json`).

    With `resume` a run that was cut off goes on from its last whole checkpoint, to the model of an
    uninterrupted run. With `init` it starts from an earlier model folder instead of the encoder.
    Raises UserError.
    """
    started = time.perf_counter()
    process = this_process()
    check_trackers(config.trainer_settings().get("report_to"))
    data = _read_data(config)
    labels, tags = data.labels, tag_names(data.labels)
    checkpoints = output / CHECKPOINTS
    settings = _settings(config, data, init)
    if resume and (output / RECORD).is_file():
        record: dict[str, Any] = json.loads((output / RECORD).read_text("utf-8"))
        _check_unchanged(output, settings, settings_of_record(record))
        log.info("%s is finished already; without --resume it is fitted anew", output)
        return record
    arguments = _training_arguments(config, output, has_dev=data.dev is not None, labels=labels)
    if process.is_main_process:
        _prepare_output(output, settings, resume)
    process.wait_for_everyone()
    if arguments.full_determinism:
        enable_full_determinism(arguments.seed)
    else:
        set_seed(arguments.seed)
    checkpoint = _last_whole_checkpoint(checkpoints) if resume else None

    model, tokenizer = start_model(
        config.model, tags, [report.text for report in data.train.reports], init
    )
    crosses_lines = hold_line_breaks(data.train.reports)
    # Whoever loads the folder reads it, and so decodes as it is measured here.
    setattr(model.config, CROSSES_LINES, crosses_lines)
    reports = augmented(data.train.reports, config.augmentation, arguments.seed)
    examples = build_examples(reports, tokenizer, tags, config.model.window)
    predictor = BatchPredictor(
        TorchEngine(model, tokenizer.pad_token_id, config.model.window),
        tokenizer,
        tags,
        window_size=config.model.window,
        crosses_lines=crosses_lines,
    )
    with _tensorboard_in(output / "tensorboard"), _tracker_errors_told(arguments.report_to):
        trainer = SpanTrainer(
            model=model,
            args=arguments,
            train_dataset=examples,
            eval_dataset=examples if data.dev else None,
            data_collator=DataCollatorForTokenClassification(
                tokenizer, pad_to_multiple_of=padding_step(config.model.window)
            ),
            processing_class=tokenizer,
            dev_reports=data.dev.reports if data.dev else [],
            predictor=predictor,
            layer_decay=config.fit.layer_decay,
            averaged=config.fit.averaged,
            callbacks=[EarlyStoppingCallback(config.fit.patience)]
            if config.fit.patience and data.dev
            else [],
        )
    trackers = Trackers.open(trainer)
    _train(trainer, checkpoint)
    if not process.is_main_process:
        process.wait_for_everyone()
        return {}
    # While it learned it ran in the trainer's precision: from here on as it will when it is loaded.
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    calibrated = _calibrated(predictor, data.dev)
    write_calibration(output, calibrated)
    predictor.use(calibrated.calibration)
    record = fit_record(
        config,
        data.parts,
        labels,
        trainer,
        model=model_hash(output),
        init=settings["init"],
        seconds=round(time.perf_counter() - started, 1),
        metrics=_measure(predictor, data, labels),
        calibration=calibrated.record,
    )
    write_card(output, record)
    write_json(record, output / RECORD)
    trackers.send(record)
    shutil.rmtree(checkpoints)
    process.wait_for_everyone()
    return record


def _read_data(config: Config) -> _Data:
    from_data = config.data.labels == LABELS_FROM_DATA
    named = None if from_data else [label.name for label in load_labels(config.data.labels)]
    files = (*config.data.train, *config.data.dev, *config.data.held_out)
    if problems := missing_files(*files):
        raise UserError("\n".join(problems))

    options = ReadOptions(format=config.data.format, annotators=config.data.annotators)
    train = read_annotated(config.data.train, named, options)
    labels = labels_in(train.reports) if named is None else named

    def read(files: Sequence[str]) -> AnnotatedReports | None:
        return read_annotated(files, labels, options) if files else None

    return _Data(labels, train, read(config.data.dev), read(config.data.held_out))


def _settings(config: Config, data: _Data, init: Path | None) -> dict[str, Any]:
    """All that decides the resulting model, as JSON."""
    return {
        "config": config.model_dump(mode="json", exclude_unset=True),
        "labels": data.labels,
        "data": {name: sorted(part.hashes.values()) for name, part in data.parts.items()},
        "init": model_hash(init) if init else None,
    }


def _prepare_output(output: Path, settings: dict[str, Any], resume: bool) -> None:
    """Make room for a new run, or see that the one to resume is the same."""
    file = output / CHECKPOINTS / SETTINGS
    if resume and file.is_file():
        _check_unchanged(output, settings, json.loads(file.read_text("utf-8")))
        return
    ours = (output / RECORD).is_file() or file.is_file()
    if output.exists() and not ours and (output.is_file() or any(output.iterdir())):
        raise UserError(
            f"{output}: holds something that is not a fitted model; expected a new or empty "
            "folder, or one that an earlier fit made"
        )
    shutil.rmtree(output / CHECKPOINTS, ignore_errors=True)
    # The record says that a model is finished: it goes first and comes last.
    (output / RECORD).unlink(missing_ok=True)
    (output / CALIBRATION).unlink(missing_ok=True)
    write_json(settings, file)


def _check_unchanged(output: Path, settings: dict[str, Any], before: dict[str, Any]) -> None:
    changed = [key for key in settings if settings[key] != before.get(key)]
    if changed:
        raise UserError(
            f"{output}: cannot resume, {' and '.join(changed)} changed since the run began; "
            "call it as before, or leave --resume out to fit anew"
        )


def _last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end: trainer_state.json comes last."""
    whole = [p.parent for p in folder.glob(f"checkpoint-*/{TRAINER_STATE_NAME}") if _is_json(p)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text("utf-8"))
    except ValueError:
        return False
    return True


def _train(trainer: SpanTrainer, checkpoint: Path | None) -> None:
    """Train to the end, from a checkpoint on if there is one."""
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        control = state.stateful_callbacks.get("TrainerControl", {})
        # The run had been stopped early and was cut off behind that: the trainer would go on.
        if control.get("args", {}).get("should_training_stop") and state.best_model_checkpoint:
            trainer.state = state
            trainer._load_best_model()
            return
    # transformers writes how the loss falls to standard output, where the results of a sweep go.
    with redirect_stdout(sys.stderr):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _training_arguments(
    config: Config, output: Path, *, has_dev: bool, labels: Sequence[str]
) -> TrainingArguments:
    """Our defaults, the configuration's own settings over them."""
    settings: dict[str, Any] = {
        "seed": 13,
        "full_determinism": True,
        "bf16": bf16_is_fast(),
        # transformers takes bfloat16 on a CPU only when told that the CPU is meant.
        "use_cpu": not torch.accelerator.is_available(),
        "save_total_limit": 2,
        "logging_strategy": "epoch",
        "eval_strategy": "epoch" if has_dev else "no",
        "report_to": "tensorboard",
        "dataloader_pin_memory": torch.cuda.is_available(),
        **config.trainer_settings(),
    }
    evaluates = has_dev and settings["eval_strategy"] != "no"
    if config.fit.patience and has_dev and not evaluates:
        raise UserError(
            f"fit.patience = {config.fit.patience}: there is nothing to wait for with "
            "trainer.eval_strategy = no; expected epoch or steps"
        )
    settings.setdefault("save_strategy", settings["eval_strategy"] if evaluates else "epoch")
    if evaluates:
        settings = {
            "load_best_model_at_end": True,
            "metric_for_best_model": "f1",
            "greater_is_better": True,
            "restore_callback_states_from_checkpoint": True,
            **settings,
        }
        _check_best_metric(settings["metric_for_best_model"], labels)
        if settings["save_strategy"] == "steps":
            settings.setdefault("save_steps", settings.get("eval_steps", 500))
    disable_progress_bars()
    try:
        return TrainingArguments(output_dir=str(output / CHECKPOINTS), **settings)
    except (ValueError, TypeError) as error:
        raise UserError(f"trainer: {error}") from None


def _check_best_metric(name: str | None, labels: Sequence[str]) -> None:
    """Raise UserError for a name that the trainer would miss only at the first evaluation."""
    valid = [*FIGURES, *(f"f1_{label}" for label in labels)]
    if name is None or name.removeprefix("eval_") not in valid:
        raise UserError(
            f"trainer.metric_for_best_model = {name}: no such figure of the development reports; "
            f"expected one of {', '.join(valid)}"
        )


@contextmanager
def _tensorboard_in(folder: Path) -> Iterator[None]:
    """Where a trainer made inside writes its events, unless the environment says where."""
    name = "TENSORBOARD_LOGGING_DIR"
    if name in os.environ:
        yield
        return
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        del os.environ[name]


@contextmanager
def _tracker_errors_told(trackers: Sequence[str]) -> Iterator[None]:
    """A tracker that is not installed, or that transformers does not know, is one line."""
    try:
        yield
    except (RuntimeError, ValueError, ImportError) as error:
        if "tensorboard" in trackers and len(trackers) == 1:
            raise
        raise UserError(
            f"trainer.report_to = {', '.join(trackers)}: {error} "
            "mlflow and wandb come with pip install 'rasd[tracking]'"
        ) from None


def _calibrated(predictor: BatchPredictor, dev: AnnotatedReports | None) -> Calibrated:
    if dev is None:
        return Calibrated(None, {"calibrated": False, "reason": "no development reports"})
    return calibrate(predictor, dev)


def _measure(
    predictor: BatchPredictor, data: _Data, labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Strict figures of the fitted model on what it did not learn from."""
    return {
        name: scores_to_json(score_predictor(predictor, part.reports, labels))
        for name, part in data.parts.items()
        if name != "train"
    }

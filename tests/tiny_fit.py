"""A fit small enough for tests: its data, its configuration, and a way to cut it off."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tiny import invent_reports
from transformers import TrainerCallback

from annotation.formats import write_reports
from annotation.report import Report
from training.config import load_config
from training.fit import fit
from training.trainer import SpanTrainer

SHAPE = """
[model]
vocabulary = 400
window = 64

[model.config]
model_type = "bert"
num_hidden_layers = 2
hidden_size = 64
num_attention_heads = 2
intermediate_size = 128
"""
TRAINER = """
[trainer]
per_device_train_batch_size = 8
learning_rate = 4e-3
disable_tqdm = true
"""
STEPS_AN_EPOCH = 5
"""40 training reports, a window each, 8 a step."""


def write_inputs(
    folder: Path, train: Sequence[Report] | None = None, dev: Sequence[Report] | None = None
) -> Path:
    """`train.jsonl`, `dev.jsonl` and the configuration that names both; its path."""
    reports = invent_reports(60, sentences=2)
    folder.mkdir(parents=True, exist_ok=True)
    write_reports(reports[:40] if train is None else train, folder / "train.jsonl")
    write_reports(reports[40:] if dev is None else dev, folder / "dev.jsonl")
    config = folder / "tiny.toml"
    data = f'[data]\ntrain = "{folder}/train.jsonl"\ndev = "{folder}/dev.jsonl"\n'
    config.write_text(SHAPE + data + TRAINER, encoding="utf-8")
    return config


def run_fit(config: Path, output: Path, *settings: str, **more: Any) -> dict[str, Any]:
    """Fit with `--set` settings; `more` are `resume` and `init`."""
    return fit(load_config(config, settings), output, **more)


def weights(folder: Path) -> str:
    """SHA-256 of a model's weights."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


class Cut(Exception):
    """Stands for the power cut."""


class _Cutter(TrainerCallback):  # type: ignore[misc]
    def __init__(self, step: int | None) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self._step:
            raise Cut

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._step is None:
            raise Cut


@contextmanager
def cut_off_at(step: int | None) -> Iterator[None]:
    """A fit inside ends with Cut at this step, or with None behind the last one."""
    begin = SpanTrainer.__init__

    def begin_with_cutter(trainer: SpanTrainer, **settings: Any) -> None:
        begin(trainer, **settings)
        trainer.add_callback(_Cutter(step))

    with patch.object(SpanTrainer, "__init__", begin_with_cutter):
        yield


KILLED = -signal.SIGKILL
KILL_AT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import tiny_fit
from transformers import TrainerCallback
def kill(self, args, state, control, **kwargs):
    if state.global_step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
tiny_fit._Cutter.on_step_end = kill
from training.__main__ import main
with tiny_fit.cut_off_at({step}):
    main(sys.argv[1:])
"""
"""A program that is the fit command until it is killed, without a chance to tidy up."""


def launch_two(*command: str) -> subprocess.CompletedProcess[str]:
    """Run `-m training COMMAND` as two processes; on CPUs too `--multi_gpu` is the word for it."""
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1"
    plain = "--mixed_precision no --dynamo_backend no --main_process_port 0 -m training"
    return subprocess.run(
        [sys.executable, *launch.split(), *plain.split(), *command],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

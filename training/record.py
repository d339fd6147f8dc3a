"""What a fit leaves behind for whoever asks later how a model was made: `training.json`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.provenance import commit, versions
from training.config import Config
from training.data import AnnotatedReports

RECORD = "training.json"


def fit_record(
    config: Config,
    parts: Mapping[str, AnnotatedReports],
    labels: Sequence[str],
    trainer: Any,
    **more: Any,
) -> dict[str, Any]:
    """The record of a finished fit; `more` is what only its caller knows."""
    state, arguments = trainer.state, trainer.args
    return {
        "labels": list(labels),
        "config": config.model_dump(mode="json", exclude_unset=True),
        "data": {
            name: {"files": part.hashes, "reports": len(part.reports), "set_aside": part.set_aside}
            for name, part in parts.items()
        },
        "seed": arguments.seed,
        "steps": state.global_step,
        "best_step": state.best_global_step or state.global_step,
        "epochs": state.epoch,
        "processes": arguments.world_size,
        "device": str(arguments.device),
        "bf16": arguments.bf16,
        "versions": versions(),
        "commit": commit(),
        **more,
        "history": [entry for entry in state.log_history if "eval_f1" in entry],
    }


def settings_of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a finished fit was started with, as a run that would be resumed states it."""
    return {
        "config": record["config"],
        "labels": record["labels"],
        "data": {name: sorted(part["files"].values()) for name, part in record["data"].items()},
        "init": record["init"],
    }


def read_record(folder: Path, name: str = RECORD) -> dict[str, Any]:
    """A record beside a model; empty where there is none to be read."""
    try:
        record = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}

"""Loads a model folder, or says in one line what is wrong with it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from annotation.files import sha256_of_file
from annotation.problems import UserError

WEIGHTS = "model.safetensors"
MODEL_FILES = ("config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json")
"""What a model is: its hash is made of these."""
UNBOUNDED = 10**9
"""transformers gives a tokenizer that states no length one of about 10^30."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A token classifier ready to run."""

    model: Any
    tokenizer: Any
    tags: list[str]
    """The names of its outputs, in order."""
    window_size: int
    """Pieces a window, with the special ones."""


def load_model(folder: str | Path, device: str = "auto") -> LoadedModel:
    """Load a model folder onto `device`, safetensors only, no remote code."""
    path = Path(folder)
    _check_files(path)
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        model = AutoModelForTokenClassification.from_pretrained(
            path,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        )
        tokenizer = load_tokenizer(path)
    except SafetensorError as error:
        raise UserError(
            f"{path / WEIGHTS}: broken or cut short ({error}); copy or train the model again"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a model that can be loaded: {_first_line(error)}") from None
    tags = [config.id2label[index] for index in range(config.num_labels)]
    return LoadedModel(
        model.eval().to(choose_device(device)), tokenizer, tags, window_size(tokenizer, config)
    )


def load_tokenizer(source: str | Path) -> Any:
    """A fast tokenizer by folder or hub name, no remote code."""
    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise UserError(
            f"{source}: its tokenizer gives no offsets into the text; "
            "expected one with a tokenizer.json (a fast tokenizer)"
        )
    return tokenizer


def window_size(tokenizer: Any, config: Any) -> int:
    """How many pieces one window may hold: the tokenizer's word, within the model's positions."""
    positions = getattr(config, "max_position_embeddings", None) or UNBOUNDED
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        # These count positions from behind the padding index.
        positions -= config.pad_token_id + 1
    size = int(min(tokenizer.model_max_length, positions))
    return size if size < UNBOUNDED else 512


def choose_device(device: str) -> torch.device:
    """`auto` is the GPU where there is one. Raises UserError for a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = torch.device("meta")
    if chosen.type not in ("cpu", "cuda"):
        raise UserError(f"--device {device}: expected auto, cpu, cuda or cuda:N")
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: no GPU that this PyTorch can use; --device cpu works")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise UserError(f"--device {device}: no such GPU; the last one is cuda:{last}")
    return chosen


def model_hash(folder: str | Path) -> str:
    """SHA-256 over what decides the predictions: weights, configuration and tokenizer."""
    digest = hashlib.sha256()
    for name in MODEL_FILES:
        digest.update(f"{name} {sha256_of_file(Path(folder) / name)}\n".encode())
    return digest.hexdigest()


def _check_files(path: Path) -> None:
    if not path.is_dir():
        raise UserError(f"{path}: no such model folder; make one with python -m training fit")
    missing = [name for name in MODEL_FILES if not (path / name).is_file()]
    if missing:
        there = ", ".join(sorted(p.name for p in path.iterdir())[:8]) or "nothing"
        raise UserError(
            f"{path}: not a whole model folder: {', '.join(missing)} missing (there is: {there})"
        )
    try:
        json.loads((path / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path / 'config.json'}: not JSON: {error}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

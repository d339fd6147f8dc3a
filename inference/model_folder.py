"""Loads a model folder, or says in one line what is wrong with it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

from annotation.files import sha256_of_file
from annotation.problems import UserError

WEIGHTS = "model.safetensors"
MODEL_FILES = ("config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json")
"""What a model is: its hash is made of these."""
CROSSES_LINES = "spans_cross_lines"
"""Key of config.json: whether spans that the model learned from held line breaks."""
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
    crosses_lines: bool
    """Whether a span may hold a line break, as some did that the model learned from."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a model folder says of its model, without the weights."""

    tokenizer: Any
    tags: list[str]
    window_size: int
    """Pieces a window, with the special ones."""
    pad_id: int
    crosses_lines: bool


def load_outline(folder: str | Path) -> Outline:
    """What is to be known of a model whose weights somebody else runs. Raises UserError."""
    path = Path(folder)
    _check_files(path, MODEL_FILES)
    tokenizer = load_folder_tokenizer(path)
    with _explained(path), quietly():
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        tags = [config.id2label[index] for index in range(config.num_labels)]
    return Outline(
        tokenizer,
        tags,
        window_size(tokenizer, config),
        tokenizer.pad_token_id,
        _crosses_lines(config),
    )


def load_model(folder: str | Path, device: str = "auto") -> LoadedModel:
    """Load a model folder onto `device`, safetensors only, no remote code. Raises UserError."""
    path = Path(folder)
    chosen = choose_device(device)
    _check_files(path, MODEL_FILES)
    tokenizer = load_folder_tokenizer(path)
    with _explained(path), quietly():
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        model, loading = AutoModelForTokenClassification.from_pretrained(
            path,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            # Told below in one line, in place of a table and an error that names no weight.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        tags = [config.id2label[index] for index in range(config.num_labels)]
    _check_weights(path, loading)
    known = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > known:
        raise UserError(
            f"{path}: the tokenizer has {len(tokenizer)} pieces but the model knows {known}; "
            "expected the tokenizer that the model was trained with"
        )
    return LoadedModel(
        model.eval().to(chosen),
        tokenizer,
        tags,
        window_size(tokenizer, config),
        _crosses_lines(config),
    )


def _crosses_lines(config: Any) -> bool:
    # A model that was not fitted here does not say.
    return bool(getattr(config, CROSSES_LINES, True))


def load_folder_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of a model folder, without its weights. Raises UserError."""
    path = Path(folder)
    _check_files(path, [name for name in MODEL_FILES if name != WEIGHTS])
    with _explained(path), quietly():
        return load_tokenizer(path)


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


def _check_files(path: Path, names: Sequence[str]) -> None:
    if not path.is_dir():
        raise UserError(f"{path}: no such model folder; make one with python -m training fit")
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        there = ", ".join(sorted(p.name for p in path.iterdir())[:8]) or "nothing"
        raise UserError(
            f"{path}: not a whole model folder: {', '.join(missing)} missing (there is: {there})"
        )
    for name in names:
        if name.endswith(".json"):
            _check_json(path / name)


def _check_json(file: Path) -> None:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: holds a {type(content).__name__}, expected an object")


def _check_weights(path: Path, loading: Mapping[str, Any]) -> None:
    """Raise UserError where transformers put random numbers in place of weights it did not find."""
    absent = sorted(loading["missing_keys"])
    # Each is (name, shape in the file, shape that config.json asks for).
    misshapen = sorted(name for name, *_ in loading["mismatched_keys"])
    for what, names in (("lacks", absent), ("has other sizes than config.json of", misshapen)):
        if names:
            named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            raise UserError(
                f"{path / WEIGHTS}: {what} {named}; expected the weights of a token classifier "
                "that config.json describes; copy or train the model again"
            )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the libraries raise over a damaged model into one line."""
    try:
        yield
    except UserError:
        raise
    except SafetensorError as error:
        raise UserError(
            f"{path / WEIGHTS}: broken or cut short ({error}); copy or train the model again"
        ) from None
    # What they raise has no common base: of the tokenizers library it is Exception itself.
    except Exception as error:
        raise UserError(f"{path}: not a model that can be loaded: {_in_one_line(error)}") from None


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers' bars and tables off the terminal: what matters in them is told by us."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

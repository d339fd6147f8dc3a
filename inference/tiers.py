"""Which engine runs a model folder, by precision and device."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from annotation.problems import UserError
from inference.engine import Engine, TorchEngine
from inference.int8 import load_int8
from inference.model_folder import LoadedModel, choose_device, load_model, load_outline
from inference.openvino_engine import (
    OpenVINOEngine,
    convert,
    multiplies_bf16,
    openvino_is_installed,
)
from inference.packed_engine import PackedEngine, can_be_packed
from inference.precisions import PRECISIONS

log = logging.getLogger(__name__)

DEFAULT_BATCH_TOKENS = {"cpu": 2_048, "cuda": 32_768}
"""Pieces a batch, padding counted. On a CPU big batches are slower than small ones."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A model that is ready to run, and how it is best called."""

    engine: Engine
    tokenizer: Any
    tags: list[str]
    window_size: int
    batch_tokens: int
    crosses_lines: bool
    at_once: int = 1
    """How many threads may call the engine at a time."""


def load_tier(folder: str | Path, device: str, precision: str) -> Tier:
    """Load a model folder. Raises UserError where it, the device or the precision cannot be."""
    if precision not in PRECISIONS:
        raise UserError(f"--precision {precision}: expected one of {', '.join(PRECISIONS)}")
    if precision == "fastest":
        return _load_fastest(Path(folder), choose_device(device))
    loaded = load_model(folder, device)
    where = loaded.model.device.type
    engine = _gpu_engine(loaded, precision) if where == "cuda" else _cpu_engine(loaded, precision)
    return Tier(
        engine,
        loaded.tokenizer,
        loaded.tags,
        loaded.window_size,
        DEFAULT_BATCH_TOKENS[where],
        loaded.crosses_lines,
        # One prepares its batch, or reads the result, while the other's is computed.
        at_once=2 if where == "cuda" else 1,
    )


def _load_fastest(folder: Path, device: torch.device) -> Tier:
    if device.type != "cpu":
        raise UserError(
            f"--precision fastest: int8 is for CPUs, not for {device}; "
            "--precision fast is the fastest there, and --device cpu works"
        )
    # Of the model itself only the outline: its weights are all in the int8 network.
    outline = load_outline(folder)
    network = load_int8(folder)
    engine = OpenVINOEngine(network, outline.pad_id, outline.window_size, "fastest")
    return Tier(
        engine,
        outline.tokenizer,
        outline.tags,
        outline.window_size,
        DEFAULT_BATCH_TOKENS["cpu"],
        outline.crosses_lines,
    )


def _gpu_engine(loaded: LoadedModel, precision: str) -> Engine:
    if precision == "fast" and can_be_packed(loaded.model):
        return PackedEngine(loaded.model)
    return _torch_engine(loaded, precision)


def _cpu_engine(loaded: LoadedModel, precision: str) -> Engine:
    if not openvino_is_installed():
        log.info(
            "--precision %s: computed by PyTorch; several times faster with "
            "pip install 'rasd[openvino]'",
            precision,
        )
        return _torch_engine(loaded, precision)
    try:
        network = convert(loaded.model)
    # What it raises over a model that it does not know has no common base.
    except Exception as error:
        log.warning(
            "--precision %s: computed by PyTorch, since OpenVINO cannot convert this model: %s",
            precision,
            " ".join(str(error).split())[:200],
        )
        return _torch_engine(loaded, precision)
    if precision == "fast" and not multiplies_bf16():
        log.info("--precision fast: as exact, this processor has no instructions for bfloat16")
    pad_id = loaded.tokenizer.pad_token_id
    return OpenVINOEngine(network, pad_id, loaded.window_size, precision)


def _torch_engine(loaded: LoadedModel, precision: str) -> Engine:
    pad_id = loaded.tokenizer.pad_token_id
    return TorchEngine(loaded.model, pad_id, loaded.window_size, precision=precision)

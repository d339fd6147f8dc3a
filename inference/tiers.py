"""Which engine runs a model folder, by precision and device."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.problems import UserError
from inference.engine import Engine, TorchEngine
from inference.int8 import load_int8
from inference.kept_network import load_network
from inference.model_folder import LoadedModel, Outline, choose_device, load_model, load_outline
from inference.openvino_engine import OpenVINOEngine, multiplies_bf16, openvino_is_installed
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
    where = choose_device(device)
    if precision == "fastest" and where.type != "cpu":
        raise UserError(
            f"--precision fastest: int8 is for CPUs, not for {where}; "
            "--precision fast is the fastest there, and --device cpu works"
        )
    if where.type == "cpu":
        # Of the model itself only the outline: its weights are all in the network.
        outline = load_outline(folder)
        if (network := _network(Path(folder), precision)) is not None:
            return _openvino_tier(outline, network, precision)
    return _torch_tier(load_model(folder, device), precision)


def _network(folder: Path, precision: str) -> Any | None:
    """What OpenVINO runs; None where it is not installed or cannot run the model, which is told."""
    if precision == "fastest":
        return load_int8(folder)
    if not openvino_is_installed():
        log.info(
            "--precision %s: computed by PyTorch; several times faster with "
            "pip install 'rasd[openvino]'",
            precision,
        )
        return None
    try:
        network = load_network(folder)
    except UserError:
        raise
    # What it raises over a model that it does not know has no common base.
    except Exception as error:
        log.warning(
            "--precision %s: computed by PyTorch, since OpenVINO cannot convert this model: %s",
            precision,
            " ".join(str(error).split())[:200],
        )
        return None
    if precision == "fast" and not multiplies_bf16():
        log.info("--precision fast: as exact, this processor has no instructions for bfloat16")
    return network


def _openvino_tier(outline: Outline, network: Any, precision: str) -> Tier:
    return Tier(
        OpenVINOEngine(network, outline.pad_id, outline.window_size, precision),
        outline.tokenizer,
        outline.tags,
        outline.window_size,
        DEFAULT_BATCH_TOKENS["cpu"],
        outline.crosses_lines,
    )


def _torch_tier(loaded: LoadedModel, precision: str) -> Tier:
    where = loaded.model.device.type
    return Tier(
        _torch_engine(loaded, precision),
        loaded.tokenizer,
        loaded.tags,
        loaded.window_size,
        DEFAULT_BATCH_TOKENS[where],
        loaded.crosses_lines,
        # One prepares its batch, or reads the result, while the other's is computed.
        at_once=2 if where == "cuda" else 1,
    )


def _torch_engine(loaded: LoadedModel, precision: str) -> Engine:
    if loaded.model.device.type == "cuda" and precision == "fast":
        # It brings transformers' modelling code, which a network does without.
        from inference.packed_engine import PackedEngine, can_be_packed

        if can_be_packed(loaded.model):
            return PackedEngine(loaded.model)
    pad_id = loaded.tokenizer.pad_token_id
    return TorchEngine(loaded.model, pad_id, loaded.window_size, precision=precision)

"""The int8 network beside a model: stored in its folder, taken only with the weights it is of."""

import json
import shutil
from pathlib import Path
from typing import Any

from annotation.files import sha256_of_file, write_json
from annotation.problems import UserError
from inference.model_folder import model_hash
from inference.openvino_engine import openvino_is_installed, without_telemetry

INT8 = "int8"
"""The subfolder of a model folder."""
RECORD = "int8.json"
NETWORK = ("network.xml", "network.bin")
INSTALL = "pip install 'rasd[openvino]'"


def check_installed() -> None:
    """Raise UserError without OpenVINO, which alone runs int8 here."""
    if not openvino_is_installed():
        raise UserError(f"--precision fastest needs OpenVINO, which comes with {INSTALL}")


def load_int8(model: Path) -> Any:
    """The OpenVINO network in a model folder. Raises UserError unless it is of these weights."""
    check_installed()
    folder = model / INT8
    again = f"make it with python -m inference prepare --model {model} --calibration FILE"
    if not (folder / RECORD).is_file():
        raise UserError(f"--precision fastest: {model} has no int8 network; {again}")
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        made_of, files = record["model"], record["files"]
        same = {name: sha256_of_file(folder / name) for name in NETWORK} == files
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder}: its record or its network cannot be read; {again}") from None
    if not same:
        raise UserError(f"{folder}: the network is not the one that {RECORD} names; {again}")
    if made_of != model_hash(model):
        raise UserError(
            f"{folder}: made from another model than {model} now holds (weights, configuration or "
            f"tokenizer changed since); {again}"
        )
    without_telemetry()
    import openvino

    try:
        return openvino.Core().read_model(folder / NETWORK[0])
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: OpenVINO cannot read the network ({line}); {again}") from None


def save_int8(network: Any, model: Path, record: dict[str, Any]) -> None:
    """Store a network in its model's folder, whole or not at all, in place of an earlier one."""
    import openvino

    folder, partial = model / INT8, model / f"{INT8}.part"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        # What was not quantised stays float32: halved, other processors would compute other sums.
        openvino.save_model(network, partial / NETWORK[0], compress_to_fp16=False)
        files = {name: sha256_of_file(partial / name) for name in NETWORK}
        write_json({"model": model_hash(model), "files": files, **record}, partial / RECORD)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)

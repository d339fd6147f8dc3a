"""The float32 network of a model folder, converted once for a machine and kept in the user's cache.

Converting takes PyTorch's own model and transformers' modelling code, a few hundred megabytes that
running the network does without. So a process of its own does it, which then is gone.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from annotation.bundled import HOME
from annotation.files import sha256_of_file
from inference.cache import cache_folder
from inference.model_folder import WEIGHTS, load_model, model_hash
from inference.openvino_engine import convert, without_telemetry

KEPT = 4
"""So many networks are kept: those that were used last."""
NETWORK = "network.xml"
MODELLING = "transformers.modeling_utils"
"""Where it is imported already, another process would spare nothing."""
_PROGRAM = """
import sys
from pathlib import Path
from inference.kept_network import write_network
write_network(Path(sys.argv[1]), Path(sys.argv[2]))
"""
_ABANDONED = 24 * 3600
"""Seconds after which an unfinished conversion is nobody's any more."""

log = logging.getLogger(__name__)


def load_network(model: Path) -> Any:
    """The network, made now where the cache has none of this model.

    Raises UserError over a folder that is no model; what OpenVINO raises over a model that it
    cannot convert has no common base.
    """
    cache = cache_folder()
    kept = cache / f"network-{_key(model)}"
    network = _read(kept)
    if network is None:
        if shutil.disk_usage(cache).free < 2 * (model / WEIGHTS).stat().st_size:
            return convert(load_model(model, "cpu").model)
        _make(model, kept)
        network = _read(kept)
    if network is None:
        raise OSError(f"{kept}: written, and cannot be read")
    # The last use decides which are kept.
    os.utime(kept)
    _clear(cache)
    return network


def write_network(model: Path, folder: Path) -> None:
    """Convert a model into a folder. Raises as `load_network` does."""
    network = convert(load_model(model, "cpu").model)
    import openvino

    openvino.save_model(network, folder / NETWORK, compress_to_fp16=False)


def _key(model: Path) -> str:
    """Of all that decides the network: the model, the packages that convert it, and how."""
    here = Path(__file__)
    parts = [model_hash(model)]
    parts += [version(package) for package in ("openvino", "torch", "transformers")]
    parts += [
        sha256_of_file(here.with_name(name))
        for name in (here.name, "openvino_engine.py", "traced.py")
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _read(kept: Path) -> Any | None:
    """None where there is none, or a damaged one, which is taken away."""
    without_telemetry()
    import openvino

    if not kept.is_dir():
        return None
    try:
        return openvino.Core().read_model(kept / NETWORK)
    except RuntimeError:
        shutil.rmtree(kept, ignore_errors=True)
        return None


def _make(model: Path, kept: Path) -> None:
    """Make the network, which appears under its name only when it is whole."""
    log.info("converting %s for OpenVINO, once for this machine, into %s", model, kept.parent)
    partial = Path(tempfile.mkdtemp(prefix="network-", suffix=".part", dir=kept.parent))
    try:
        # What failed there fails here too, and tells why.
        if MODELLING in sys.modules or not _written_apart(model, partial):
            write_network(model, partial)
        # Where another process was quicker, its network is the same.
        with suppress(OSError):
            partial.rename(kept)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _written_apart(model: Path, folder: Path) -> bool:
    """`write_network` in a process of its own; whether it went well."""
    path = os.pathsep.join([str(HOME), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM, str(model), str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _clear(cache: Path) -> None:
    """Take away the networks that were not used for longest, and what was never finished."""
    used = {}
    for folder in cache.glob("network-*"):
        # Another process may be clearing as well.
        with suppress(OSError):
            used[folder] = folder.stat().st_mtime
    unfinished = {folder for folder in used if folder.suffix == ".part"}
    gone = sorted(used.keys() - unfinished, key=lambda folder: -used[folder])[KEPT:]
    gone += [folder for folder in unfinished if time.time() - used[folder] > _ABANDONED]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)

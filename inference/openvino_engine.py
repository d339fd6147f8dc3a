"""OpenVINO: the engine for CPUs in every precision."""

import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from inference.decoding import FloatArray
from inference.engine import pad_windows
from inference.model_folder import quietly
from inference.pieces import IntArray

LENGTH_STEP = 16
"""Batches are padded to multiples of so many pieces: what a shape needs is kept in memory, so
shapes should be few, and matrix units take rows by sixteens anyway."""


def openvino_is_installed() -> bool:
    """Whether `pip install 'rasd[openvino]'` was done."""
    return find_spec("openvino") is not None


def without_telemetry() -> None:
    """Keep openvino and nncf from reporting to their makers what is run here. Before any import.

    Both do so unasked where the package `openvino_telemetry` can be imported, and do without
    where it cannot.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


@contextmanager
def kept_logging() -> Iterator[None]:
    """Leave the root logger as it was: converters silence it, and where they fail for good."""
    root = logging.getLogger()
    level, handlers, filters = root.level, list(root.handlers), list(root.filters)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:], root.filters[:] = handlers, filters


class OpenVINOEngine:
    """A converted network on the CPU, windows padded to a batch.

    `exact` computes in float32; `fast` multiplies in bfloat16, `fastest` what is not int8 too,
    where the processor has instructions for it (`multiplies_bf16`).
    """

    def __init__(self, network: Any, pad_id: int, window_size: int, precision: str) -> None:
        without_telemetry()
        import openvino

        self.precision = precision
        self._pad_id = pad_id
        self._step = LENGTH_STEP if window_size % LENGTH_STEP == 0 else 1
        lower = precision != "exact" and multiplies_bf16()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if lower else "f32",
            # As many as PyTorch would take: one setting (OMP_NUM_THREADS) for all engines.
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            # Threads tied to cores would meet on the first ones, those of all processes here.
            "ENABLE_CPU_PINNING": False,
        }
        self._request = (
            openvino.Core().compile_model(network, "CPU", settings).create_infer_request()
        )

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """See Engine."""
        found: list[FloatArray] = []
        while len(found) < len(windows):
            some = windows[len(found) :]
            some = some[: few_counts(len(some))]
            ids, mask = pad_windows(some, self._pad_id, self._step)
            inputs = {"input_ids": ids, "attention_mask": mask}
            logits = self._request.infer(inputs, share_inputs=True)[0]
            found += [logits[row, : len(window)] for row, window in enumerate(some)]
        return found


def few_counts(count: int) -> int:
    """The next smaller number with three binary digits and zeros: batches are of these sizes.

    With lengths in steps this keeps a window of 512 pieces to about three hundred shapes, however
    many reports there are.
    """
    zeros = max(count.bit_length() - 3, 0)
    return count >> zeros << zeros


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for bfloat16 products."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def convert(model: Any) -> Any:
    """A PyTorch token classifier as an OpenVINO network: [windows, pieces] ids and mask, logits.

    Both sizes stay open. See TracedModel for what changes in the
    model itself. What cannot be converted is raised, and OpenVINO's errors have no common base.
    """
    without_telemetry()
    import openvino

    # It brings transformers' modelling code, which running a network does without.
    from inference.traced import TracedModel

    # Two rows and a few pieces: what is traced with ones is taken for a constant.
    example = {
        "input_ids": torch.ones((2, 8), dtype=torch.int64),
        "attention_mask": torch.ones((2, 8), dtype=torch.int64),
    }
    # Tracing reads all attributes of a model, over some of which transformers warns.
    with torch.no_grad(), warnings.catch_warnings(), kept_logging(), quietly():
        # Of tracing: that shapes become constants, which the tests would show.
        warnings.simplefilter("ignore")
        network = openvino.convert_model(TracedModel(model), example_input=example)
    turns = getattr(model.config, "rope_parameters", None) is not None
    return _read_again(network) if turns else network


def _read_again(network: Any) -> Any:
    """The same network from a file.

    Only of what it reads from files does OpenVINO (2026.4) make one operation out of those by which
    positions are turned into angles, which spares a tenth of our encoder's time.
    """
    import openvino

    core = openvino.Core()
    # Read as a whole: the file goes away.
    core.set_property({"ENABLE_MMAP": False})
    with TemporaryDirectory() as folder:
        file = Path(folder) / "network.xml"
        openvino.save_model(network, file, compress_to_fp16=False)
        return core.read_model(file)

"""ONNX Runtime, as a rival: the model exported by PyTorch, and that with int8 weights."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from inference.benchmark.ways import ONNX
from inference.decoding import FloatArray
from inference.engine import pad_windows, padding_step
from inference.model_folder import load_model
from inference.pieces import IntArray
from inference.traced import TracedModel


class OnnxEngine:
    """A network in a file, windows padded to a batch, on the CPU."""

    precision = "exact"

    def __init__(self, network: Path, pad_id: int, window_size: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session: Any = onnxruntime.InferenceSession(
            str(network), options, providers=["CPUExecutionProvider"]
        )
        self._pad_id = pad_id
        self._step = padding_step(window_size)

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """See Engine. A window alone is not padded, which is its fastest way."""
        step = self._step if len(windows) > 1 else 1
        ids, mask = pad_windows(windows, self._pad_id, step)
        logits = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return [logits[row, : len(window)] for row, window in enumerate(windows)]


def export_onnx(model: Path, folder: Path) -> None:
    """Write the networks that `ways.ONNX` names into `folder`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    loaded = load_model(model, "cpu")
    whole, small = folder / ONNX["onnx-fp32"], folder / ONNX["onnx-int8"]
    example = (torch.ones((2, 8), dtype=torch.int64), torch.ones((2, 8), dtype=torch.int64))
    sizes = {0: "windows", 1: "pieces"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            TracedModel(loaded.model),
            example,
            str(whole),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": sizes, "attention_mask": sizes, "logits": sizes},
            opset_version=17,
            dynamo=False,
        )
    quantize_dynamic(whole, small, per_channel=True, weight_type=QuantType.QInt8)

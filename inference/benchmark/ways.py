"""The ways to run a model that are measured: our three precisions, the reference, and rivals.

Rivals live here alone; nothing else runs a model with them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from annotation.problems import UserError
from annotation.report import Report
from inference.engine import TorchEngine
from inference.model_folder import choose_device, load_model, load_outline
from inference.precisions import PRECISIONS
from inference.predictor import BatchPredictor

ONNX = {"onnx-fp32": "fp32.onnx", "onnx-int8": "int8.onnx"}
"""The ways that need an exported network, and its name in the folder of exports."""


class Predictor(Protocol):
    """What is measured: reports in, reports with spans out, in their order."""

    def predict(self, reports: Iterable[Report]) -> Iterator[Report]:
        """See BatchPredictor."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a way is loaded with."""

    model: Path
    device: str
    batch: int
    """Pieces or texts a batch, whichever the way counts; 0: what it chooses itself."""
    exports: Path
    """The folder of networks in other forms."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a model."""

    title: str
    load: Callable[[Setting], Predictor]
    batches: tuple[int, ...] = (0,)
    """Sizes to try on a sample; the fastest is measured."""
    fast_mkl: bool = False
    """In a process where MKL takes every processor for Intel's."""


def _ours(precision: str) -> Callable[[Setting], Predictor]:
    def load(setting: Setting) -> Predictor:
        return BatchPredictor.from_pretrained(
            setting.model,
            device=setting.device,
            precision=precision,
            batch_tokens=setting.batch or None,
            # The other ways give every span.
            least_score=0,
        )

    return load


def _reference(setting: Setting) -> Predictor:
    return _torch(setting, step=1)


def _torch(setting: Setting, step: int | None = None) -> Predictor:
    loaded = load_model(setting.model, setting.device)
    pad_id = loaded.tokenizer.pad_token_id
    engine = TorchEngine(loaded.model, pad_id, loaded.window_size, step=step)
    return BatchPredictor(
        engine,
        loaded.tokenizer,
        loaded.tags,
        window_size=loaded.window_size,
        batch_tokens=setting.batch,
        crosses_lines=loaded.crosses_lines,
    )


def _pipeline(setting: Setting) -> Predictor:
    # It brings transformers' modelling code: what the other ways do without is not theirs.
    from inference.benchmark.pipeline import PipelinePredictor

    return PipelinePredictor(load_model(setting.model, setting.device), setting.batch)


def _onnx(network: str) -> Callable[[Setting], Predictor]:
    def load(setting: Setting) -> Predictor:
        from inference.benchmark.onnx_engine import OnnxEngine

        if choose_device(setting.device).type != "cpu":
            raise UserError("measured on CPUs alone")
        outline = load_outline(setting.model)
        engine: Any = OnnxEngine(setting.exports / network, outline.pad_id, outline.window_size)
        return BatchPredictor(
            engine,
            outline.tokenizer,
            outline.tags,
            window_size=outline.window_size,
            batch_tokens=setting.batch,
            crosses_lines=outline.crosses_lines,
        )

    return load


REFERENCE = "reference"
PIPELINE = "pipeline"
"""What ratios are against."""
WAYS: dict[str, Way] = {
    **{name: Way(f"Rasd, --precision {name}", _ours(name)) for name in PRECISIONS},
    PIPELINE: Way("transformers.pipeline, fp32", _pipeline, (1, 8, 32)),
    "torch": Way("PyTorch fp32, batches of like length", _torch, (2_048,)),
    "onnx-fp32": Way("ONNX Runtime fp32", _onnx(ONNX["onnx-fp32"]), (1, 2_048)),
    "onnx-int8": Way(
        "ONNX Runtime int8 (dynamic, per channel)", _onnx(ONNX["onnx-int8"]), (1, 2_048)
    ),
    "pipeline-mkl": Way(
        "transformers.pipeline, fp32, MKL's fast path", _pipeline, (1, 8, 32), fast_mkl=True
    ),
    "torch-mkl": Way(
        "PyTorch fp32, batches of like length, MKL's fast path", _torch, (2_048,), fast_mkl=True
    ),
    REFERENCE: Way("the reference: PyTorch fp32, a window at a time", _reference, (1,)),
}
"""By name, in the order in which they have their turns."""

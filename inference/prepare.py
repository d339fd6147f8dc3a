"""Makes the int8 network of a model, and measures what it loses.

Weights and activations are quantised after training (nncf): the ranges of activations are those
that windows of calibration texts give.
"""

import logging
import random
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotation.files import sha256_of_file
from annotation.formats import ReadOptions, read_records
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report
from annotation.scoring import score_reports
from inference.int8 import INSTALL, check_installed, save_int8
from inference.model_folder import LoadedModel, load_model
from inference.openvino_engine import (
    OpenVINOEngine,
    convert,
    kept_logging,
    multiplies_bf16,
    without_telemetry,
)
from inference.pieces import IntArray, read_texts
from inference.predictor import BatchPredictor
from inference.projections import cut_projections
from inference.provenance import commit, versions
from inference.windows import WindowCutter

log = logging.getLogger(__name__)

CALIBRATION_WINDOWS = 300
FEW_WINDOWS = 100
"""With fewer, ranges may miss what other texts bring."""
LARGEST_LOSS = 0.003
"""Of micro F1, as a share of 1: a larger one has to be asked for by name."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made, and the account of what was read for it."""

    record: dict[str, Any]
    """The content of `int8.json` but for the hashes."""
    ledger: Ledger

    def lines(self) -> list[str]:
        """For people."""
        made = f"int8 network made with {self.record['windows']} windows"
        if self.record["f1"] is None:
            return [f"{made}; what it loses was not measured (--gold FILE measures it)"]
        exact, fastest = self.record["f1"]["exact"], self.record["f1"]["fastest"]
        return [f"{made}: F1 {fastest:.4f}, exact {exact:.4f}"]


def prepare_int8(
    model: Path,
    calibration: Sequence[str],
    gold: Sequence[str] = (),
    options: ReadOptions | None = None,
    *,
    allow_loss: bool = False,
) -> Prepared:
    """Make the int8 network of a model folder and store it there, its F1 on `gold` beside it.

    Raises UserError, and stores nothing, where it loses more than LARGEST_LOSS of micro F1 against
    `exact`, unless `allow_loss`.
    """
    _check_nncf()
    loaded = load_model(model, "cpu")
    ledger = Ledger()
    texts = [report.text for report in ledger.sort(read_records(calibration, options))]
    annotated = _annotated(ledger.sort(read_records(gold, options)), gold) if gold else []
    windows = choose_windows(loaded, texts)
    if not windows:
        raise UserError(f"{', '.join(calibration)}: no text in it; expected development reports")
    if len(windows) < FEW_WINDOWS:
        log.warning("%d windows for calibration: expected %d or more", len(windows), FEW_WINDOWS)
    network = convert(loaded.model)
    quantised = _quantise(network, windows)
    f1 = None
    if annotated:
        f1 = {"exact": _f1(loaded, network, annotated, "exact")}
        f1["fastest"] = _f1(loaded, quantised, annotated, "fastest")
        if not allow_loss:
            _check_loss(model, **f1)
    record = {
        "calibration": _hashes(calibration),
        "windows": len(windows),
        "gold": _hashes(gold),
        "f1": f1,
        "loss_allowed": allow_loss,
        "rest_in_bf16": multiplies_bf16(),
        "versions": versions(),
        "commit": commit(),
    }
    save_int8(quantised, model, record)
    return Prepared(record, ledger)


def choose_windows(loaded: LoadedModel, texts: Sequence[str]) -> list[IntArray]:
    """Piece ids of windows drawn from all of the texts, always the same ones."""
    windows = WindowCutter(loaded.tokenizer, loaded.window_size).cut_all(
        read_texts(loaded.tokenizer, texts)
    )
    count = len(windows.texts)
    drawn = random.Random(7).sample(range(count), min(count, CALIBRATION_WINDOWS))
    return [windows.window(index).ids for index in sorted(drawn)]


def _check_nncf() -> None:
    check_installed()
    without_telemetry()
    try:
        import nncf  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "nncf":
            raise
        raise UserError(f"making int8 networks needs nncf, which comes with {INSTALL}") from None


def _quantise(network: Any, windows: Sequence[IntArray]) -> Any:
    import nncf

    network = network.clone()
    cut_projections(network)
    # Each window alone and not padded: padding would widen the ranges.
    inputs = [
        {"input_ids": ids[None], "attention_mask": np.ones((1, len(ids)), np.int64)}
        for ids in windows
    ]
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # Its progress bars go to standard output, which is for results.
    with redirect_stdout(sys.stderr), kept_logging():
        return nncf.quantize(
            network,
            nncf.Dataset(inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(inputs),
            # Between int8 and the rest's bfloat16, attention spends more on turning the one into
            # the other than on its products. `validate`: a model may have it in other operations.
            ignored_scope=nncf.IgnoredScope(types=["ScaledDotProductAttention"], validate=False),
        )


def _f1(loaded: LoadedModel, network: Any, gold: Sequence[Report], precision: str) -> float:
    """Strict micro F1 of a network on the gold reports."""
    pad_id, window_size = loaded.tokenizer.pad_token_id, loaded.window_size
    engine = OpenVINOEngine(network, pad_id, window_size, precision)
    predictor = BatchPredictor(
        engine,
        loaded.tokenizer,
        loaded.tags,
        window_size=window_size,
        crosses_lines=loaded.crosses_lines,
    )
    scores = score_reports(
        (report.spans or (), found.spans or ())
        for report, found in zip(gold, predictor.predict(gold), strict=True)
    )
    return scores.micro.f1


def _check_loss(model: Path, exact: float, fastest: float) -> None:
    if exact - fastest > LARGEST_LOSS:
        raise UserError(
            f"{model}: int8 loses {100 * (exact - fastest):.2f} points of F1 ({fastest:.4f}, exact "
            f"{exact:.4f}), more than {100 * LARGEST_LOSS:.1f}; nothing was stored. Give more or "
            "other texts to --calibration, or take it all the same with --allow-loss"
        )


def _annotated(reports: Iterable[Report], files: Sequence[str]) -> list[Report]:
    kept = [report for report in reports if report.spans is not None]
    if not kept:
        raise UserError(f"{', '.join(files)}: no annotated report; expected reports with spans")
    return kept


def _hashes(files: Sequence[str]) -> dict[str, str]:
    return {file: sha256_of_file(Path(file)) for file in files if Path(file).is_file()}

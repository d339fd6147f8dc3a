"""One measurement, in a process of its own: its memory is that of one way alone."""

import resource
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.ledger import Ledger
from annotation.report import Report
from inference.benchmark.ways import WAYS, Predictor, Setting
from inference.matrix_rate import measured_matrix_rate
from inference.model_folder import choose_device, load_model
from inference.pieces import read_texts
from inference.windows import WindowCutter

WARM_UP_CHARACTERS = 40_000
"""Predicted before the clock starts: kernels are built for the shapes that will come."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One pass over all texts: reading, predicting and writing; loading is not in it."""

    seconds: float
    load_seconds: float
    peak_memory: int
    """Bytes of the process, everything in it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do, whatever the way."""

    reports: int
    pieces: int
    """Of real text: no special ones, none twice."""
    operations: float
    """Floating-point operations of a forward pass over the windows, without padding: 2 for each
    weight that multiplies a piece, and attention's own, counted in full."""


def measure(way: str, setting: Setting, texts: Path, output: Path) -> Measurement:
    """Predict the JSONL file `texts` into `output` once, and say how long it took."""
    started = time.perf_counter()
    predictor = WAYS[way].load(setting)
    load_seconds = time.perf_counter() - started
    _predict(predictor, _some(texts, WARM_UP_CHARACTERS))
    started = time.perf_counter()
    with Ledger() as ledger:
        reports = ledger.sort(read_records([texts], ReadOptions(with_spans=False)))
        write_reports(predictor.predict(reports), output, "predictions", ledger)
    return Measurement(time.perf_counter() - started, load_seconds, _peak_memory())


def fastest_batch(way: str, setting: Setting, texts: Path) -> int:
    """Of the batch sizes that a way has, the one that is fastest on the first texts."""
    sample = _some(texts, WARM_UP_CHARACTERS)
    taken = {}
    for batch in WAYS[way].batches:
        predictor = WAYS[way].load(Setting(setting.model, setting.device, batch, setting.exports))
        _predict(predictor, sample[:1])
        taken[batch] = _predict(predictor, sample)
    return min(taken, key=lambda batch: taken[batch])


def count_work(setting: Setting, texts: Path) -> Work:
    """The pieces and operations of all texts."""
    loaded = load_model(setting.model, "cpu")
    cutter = WindowCutter(loaded.tokenizer, loaded.window_size)
    matrices = sum(p.numel() for p in loaded.model.parameters() if p.ndim == 2) - sum(
        p.numel() for n, p in loaded.model.named_parameters() if "embedding" in n and p.ndim == 2
    )
    config = loaded.model.config
    reports, pieces, operations = 0, 0, 0.0
    rest = iter(Ledger().sort(read_records([texts], ReadOptions(with_spans=False))))
    while some := list(islice(rest, 1_000)):
        readings = read_texts(loaded.tokenizer, [report.text for report in some])
        lengths = cutter.cut_all(readings).lengths.astype(np.float64)
        attention = 4 * config.num_hidden_layers * config.hidden_size * (lengths**2).sum()
        reports, pieces = reports + len(some), pieces + len(readings.ids)
        operations += 2 * matrices * float(lengths.sum()) + float(attention)
    return Work(reports, pieces, operations)


def matrix_rates(device: str) -> dict[str, float]:
    """Operations a second of matrix products, by precision."""
    chosen = choose_device(device)
    return {
        "fp32": measured_matrix_rate(chosen, torch.float32),
        "bf16": measured_matrix_rate(chosen, torch.bfloat16),
    }


def _some(texts: Path, characters: int) -> list[Report]:
    some: list[Report] = []
    for report in Ledger().sort(read_records([texts], ReadOptions(with_spans=False))):
        some.append(report)
        characters -= len(report.text)
        if characters <= 0:
            break
    return some


def _predict(predictor: Predictor, reports: list[Report]) -> float:
    """Seconds."""
    started = time.perf_counter()
    for _ in predictor.predict(reports):
        pass
    return time.perf_counter() - started


def _peak_memory() -> int:
    peak: Any = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes.
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024

"""One benchmark: every way has its turn on the same texts, over and over, in one run.

Ratios of one run mean something on a noisy machine; figures of different runs do not.
"""

import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from annotation.files import open_output, write_json
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import score_reports
from inference.benchmark.alone import run_alone
from inference.benchmark.machine import build_vendor_answer, describe_machine, why_one_mkl_path
from inference.benchmark.measuring import (
    Measurement,
    Work,
    count_work,
    fastest_batch,
    matrix_rates,
    measure,
)
from inference.benchmark.onnx_engine import export_onnx
from inference.benchmark.picture import draw_speeds
from inference.benchmark.table import speed_table
from inference.benchmark.ways import ONNX, REFERENCE, WAYS, Setting
from inference.model_folder import load_outline, model_hash
from inference.provenance import commit, versions

log = logging.getLogger(__name__)

RESULT, TABLE, PICTURE = "benchmark.json", "benchmark.md", "speed.svg"
INSTALL = "pip install 'rasd[benchmark]'"
NEEDED = ("onnx", "onnxruntime", "matplotlib")

R = TypeVar("R")
Found = Mapping[str, Sequence[Span]]
"""Spans by the report's id."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What was measured, and the account of the reports that were read."""

    content: dict[str, Any]
    """As in `benchmark.json`."""
    ledger: Ledger

    def table(self) -> list[str]:
        """Markdown, a line each."""
        return speed_table(self.content)


def run_benchmark(
    model: Path,
    sources: Sequence[str],
    output: Path,
    options: ReadOptions | None = None,
    *,
    device: str = "auto",
    repetitions: int = 5,
    only: Sequence[str] | None = None,
) -> Benchmark:
    """Measure the ways (`only`: some of them) and write figures, table and picture into `output`.

    A way that does not run here is left out, and it is told why. Raises UserError before anything
    is measured where a package or an input is missing.
    """
    _check(repetitions, only)
    load_outline(model)
    ledger = Ledger()
    # A text without words costs nothing and says nothing, and some rivals fail on it.
    reports = [r for r in ledger.sort(read_records(sources, options)) if r.text.strip()]
    if not reports:
        raise UserError(f"{', '.join(sources)}: no text in it; expected reports to measure with")
    with TemporaryDirectory() as folder:
        turns = _Turns(model, device, Path(folder), reports)
        content = turns.take(only or list(WAYS), repetitions)
    content |= {"model": model_hash(model), "versions": versions(), "commit": commit()}
    result = Benchmark(content, ledger)
    write_json(content, output / RESULT)
    with open_output(output / TABLE) as file:
        file.write("\n".join(result.table()) + "\n")
    draw_speeds(content, output / PICTURE)
    return result


def _check(repetitions: int, only: Sequence[str] | None) -> None:
    problems = []
    if repetitions < 1:
        problems.append(f"--repetitions {repetitions}: expected 1 or more")
    problems += [
        f"--only {name}: expected some of {', '.join(WAYS)}"
        for name in only or ()
        if name not in WAYS
    ]
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        problems.append(f"measuring needs {', '.join(missing)}, which comes with {INSTALL}")
    if problems:
        raise UserError("\n".join(problems))


class _Turns:
    """The turns of one benchmark, each in a process of its own; `folder` is for its files."""

    def __init__(self, model: Path, device: str, folder: Path, reports: Sequence[Report]) -> None:
        self._setting = Setting(model, device, 0, folder)
        self._reports = reports
        self._texts = folder / "texts.jsonl"
        self._preload: Path | None = None
        self._left_out: dict[str, str] = {}
        write_reports([Report(r.id, r.text) for r in reports], self._texts)

    def take(self, names: Sequence[str], repetitions: int) -> dict[str, Any]:
        """The figures of all ways that run here."""
        device = self._setting.device
        machine = describe_machine(device)
        work = run_alone(count_work, None, self._setting, self._texts)
        self._make_ready(names)
        batches = {
            name: self._try(name, self._choose_batch, name)
            for name in WAYS
            if name in names and name not in self._left_out
        }
        measured: dict[str, list[Measurement]] = {name: [] for name in batches}
        rates: list[dict[str, float]] = []
        for turn in range(repetitions):
            rates.append(run_alone(matrix_rates, None, device))
            for name, batch in batches.items():
                if name in self._left_out or batch is None:
                    continue
                log.info("%d of %d: %s", turn + 1, repetitions, WAYS[name].title)
                one = self._try(name, self._measure, name, batch)
                if one is not None:
                    measured[name].append(one)
        return {
            "machine": machine,
            "matrix_rates": {
                kind: statistics.median(rate[kind] for rate in rates) for kind in rates[0]
            },
            "repetitions": repetitions,
            "work": {**asdict(work), "characters": sum(len(r.text) for r in self._reports)},
            "ways": [
                self._figures(name, batches[name] or 0, some, work)
                for name, some in measured.items()
                if name not in self._left_out
            ],
            "left_out": self._left_out,
        }

    def _make_ready(self, names: Sequence[str]) -> None:
        """What some ways need before their first turn."""
        wanted = any(name in ONNX for name in names)
        if wanted and self._try("onnx-fp32", self._export) is None:
            self._left_out["onnx-int8"] = self._left_out["onnx-fp32"]
        other_path = [name for name in names if WAYS[name].fast_mkl]
        why = why_one_mkl_path(self._setting.device)
        for name in other_path:
            if why is not None:
                self._left_out[name] = why
            elif self._preload is None:
                self._preload = self._try(name, build_vendor_answer, self._setting.exports)

    def _export(self) -> bool:
        run_alone(export_onnx, None, self._setting.model, self._setting.exports)
        return True

    def _choose_batch(self, name: str) -> int:
        if len(WAYS[name].batches) == 1:
            return WAYS[name].batches[0]
        preload = self._preload if WAYS[name].fast_mkl else None
        return run_alone(fastest_batch, preload, name, self._setting, self._texts)

    def _measure(self, name: str, batch: int) -> Measurement:
        setting = Setting(self._setting.model, self._setting.device, batch, self._setting.exports)
        preload = self._preload if WAYS[name].fast_mkl else None
        return run_alone(measure, preload, name, setting, self._texts, self._found_by(name))

    def _found_by(self, name: str) -> Path:
        return self._setting.exports / f"{name}.jsonl"

    def _try(self, name: str, do: Callable[..., R], *arguments: Any) -> R | None:
        """What `do` gives; None, and the way is left out, where it fails.

        A rival may fail in any way at all, and costs only itself.
        """
        try:
            return do(*arguments)
        except Exception as error:
            line = " ".join(str(error).split())[:300] or type(error).__name__
            self._left_out[name] = line if isinstance(error, UserError) else f"failed: {line}"
            log.warning("%s is left out: %s", WAYS[name].title, self._left_out[name])
            return None

    def _figures(
        self, name: str, batch: int, some: Sequence[Measurement], work: Work
    ) -> dict[str, Any]:
        seconds = [one.seconds for one in some]
        median = statistics.median(seconds)
        found = read_predictions(self._found_by(name))
        return {
            "name": name,
            "title": WAYS[name].title,
            "batch": batch or None,
            "seconds": seconds,
            "pieces_per_second": work.pieces / median,
            "reports_per_second": work.reports / median,
            "operations_per_second": work.operations / median,
            "load_seconds": statistics.median(one.load_seconds for one in some),
            "peak_memory": max(one.peak_memory for one in some),
            **self._agreement(name, found),
            "f1": self._f1(found),
        }

    def _agreement(self, name: str, found: Found) -> dict[str, Any]:
        """With the reference: F1 of spans, and the share of reports that are quite the same."""
        if not self._found_by(REFERENCE).is_file():
            return {"agreement": None, "same_reports": None}
        reference = read_predictions(self._found_by(REFERENCE))
        pairs = [(reference[report.id], found[report.id]) for report in self._reports]
        same = sum(set(one) == set(other) for one, other in pairs)
        spans = score_reports(pairs).micro
        agreement = spans.f1 if spans.gold or spans.predicted else 1.0
        return {"agreement": agreement, "same_reports": same / len(pairs)}

    def _f1(self, found: Found) -> float | None:
        """Where the reports have spans themselves."""
        pairs = [(r.spans, found[r.id]) for r in self._reports if r.spans is not None]
        return score_reports(pairs).micro.f1 if pairs else None

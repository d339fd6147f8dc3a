"""How many reports have to be annotated: in the queue's order, and in random order.

    python tests/benchmark_queue.py --output runs/queue

A simulation on the bundled corpus, whose gold is uncovered report by report. Each seed draws the
first reports; from there on one order goes on at random, and the queue is made, at each size, by
`annotation.queue` from what the model fitted on the reports before says of all others. At each
size a model is fitted anew by `training.fit`, with the same number of steps, and measured on
held-out sources. `--orders` also knows `uncertainty`: the queue without regard to similarity.

Writes `queue.json`, after each curve, and `queue.svg`. Stopped and called again it goes on behind
the last fit that was finished: of each there is a folder, with the ids of its reports and its
figures. `--tiny` shows within a minute that all of it runs; its figures mean nothing.
"""

import argparse
import hashlib
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from annotation.bundled import CORPUS, find_file
from annotation.files import sha256_of_file, write_json
from annotation.formats import read_records, write_reports
from annotation.ledger import Ledger
from annotation.queue import UNCERTAINTY_FIELD, pick_queue, worth_of
from annotation.report import Report
from annotation.split import source_of
from annotation.words import find_words
from inference.predictor import BatchPredictor
from training.config import load_config
from training.fit import fit

ORDERS = ("random", "queue", "uncertainty")
SIZES = (40, 80, 160, 320)
TINY_SIZES = (8, 12, 16)
TINY = """
[model]
vocabulary = 1000
window = 64

[model.config]
model_type = "bert"
num_hidden_layers = 1
hidden_size = 32
num_attention_heads = 1
intermediate_size = 32
"""
"""A configuration, its encoder made anew."""
CHOSEN, FIGURES, MODEL = "chosen.json", "figures.json", "model"
"""Of a fit: the ids of its reports, what was measured, and the folder of the model."""
COLOURS = {"random": "#777777", "queue": "#d1495b", "uncertainty": "#3d6fb6"}


@dataclass(frozen=True, slots=True)
class Simulation:
    """What all curves have in common."""

    pool: list[Report]
    held_out: list[Report]
    sizes: Sequence[int]
    """Annotated reports at which a model is fitted."""
    config: str
    settings: Sequence[str]
    """Put over the configuration's."""
    folder: Path
    """Its fits are of these settings alone."""

    def measure(self, annotated: Sequence[Report], seed: int, place: Path) -> dict[str, Any]:
        """The figures of a model that is fitted on `annotated` reports, in the folder `place`."""
        if (place / FIGURES).is_file():
            known: dict[str, Any] = json.loads((place / FIGURES).read_text("utf-8"))
            return known
        started = time.perf_counter()
        write_reports(annotated, place / "train.jsonl")
        data = [
            f'data.train="{place}/train.jsonl"',
            f'data.held_out="{self.folder}/held_out.jsonl"',
            "data.dev=[]",
            f"trainer.seed={seed}",
        ]
        record = fit(load_config(self.config, [*self.settings, *data]), place / MODEL)
        scores = record["metrics"]["held_out"]
        figures = {
            "reports": len(annotated),
            "words": sum(len(find_words(report.text)) for report in annotated),
            "spans": sum(len(report.spans or ()) for report in annotated),
            "f1": scores["micro"]["f1"],
            "labels": {label: figures["f1"] for label, figures in scores["labels"].items()},
            "seconds": round(time.perf_counter() - started, 1),
        }
        write_json(figures, place / FIGURES)
        print(
            f"{place.name}: {len(annotated)} reports, F1 {figures['f1']:.4f}, "
            f"{figures['seconds']:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        return figures

    def curve(self, order: str, seed: int) -> list[dict[str, Any]]:
        """The figures at each size, from the draw of the first reports on."""
        draw = random.Random(seed)
        left = draw.sample(self.pool, len(self.pool))
        annotated, left = left[: self.sizes[0]], left[self.sizes[0] :]
        # All orders go on from the same first reports.
        place = self.folder / f"first-{seed}"
        points = [self.measure(annotated, seed, place)]
        for size, following in pairwise(self.sizes):
            before, place = place, self.folder / f"{order}-{seed}-{following}"
            chosen = self.chosen(order, before, place, left, annotated, following - size)
            annotated = [*annotated, *(report for report in left if report.id in chosen)]
            left = [report for report in left if report.id not in chosen]
            points.append(self.measure(annotated, seed, place))
            if not before.name.startswith("first"):
                # Nothing asks it any more.
                shutil.rmtree(before / MODEL, ignore_errors=True)
        return points

    def chosen(
        self,
        order: str,
        before: Path,
        place: Path,
        left: Sequence[Report],
        annotated: Sequence[Report],
        count: int,
    ) -> set[str]:
        """The ids that come next, as they were chosen when the fit at `place` was begun."""
        if not (place / CHOSEN).is_file():
            found = self.choose(order, before / MODEL, left, annotated, count)
            write_json([left[i].id for i in found], place / CHOSEN)
        return set(json.loads((place / CHOSEN).read_text("utf-8")))

    def choose(
        self,
        order: str,
        model: Path,
        left: Sequence[Report],
        annotated: Sequence[Report],
        count: int,
    ) -> list[int]:
        """Which of the reports that are left come next. What is left is shuffled already."""
        if order == "random":
            return list(range(count))
        predictor = BatchPredictor.from_pretrained(model)
        unsure = [float(one.fields[UNCERTAINTY_FIELD]) for one in predictor.predict(left)]
        if order == "uncertainty":
            return sorted(range(len(left)), key=lambda i: -unsure[i])[:count]
        texts = [report.text for report in left]
        worths = [worth_of(text, one) for text, one in zip(texts, unsure, strict=True)]
        queue = pick_queue(texts, worths, [report.text for report in annotated], count)
        return [one.index for one in queue.picked]


def main() -> None:
    """Simulate, print a table, and write the figures and the picture."""
    arguments = parse_arguments()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    reports = list(Ledger().sort(read_records([find_file(CORPUS)])))
    sources = set(arguments.held_out.split(","))
    held_out = [report for report in reports if source_of(report) in sources]
    pool = [report for report in reports if source_of(report) not in sources]
    if arguments.tiny:
        held_out, pool = held_out[:10], pool[:60]
    config = arguments.config
    if arguments.tiny:
        config = str(folder / "tiny.toml")
        Path(config).write_text(TINY, encoding="utf-8")
    settings = {
        "config": config,
        "config_sha256": sha256_of_file(find_file(config)),
        "settings": settings_of(arguments),
        "sizes": list(arguments.sizes),
        "pool": len(pool),
        "held_out": {"sources": sorted(sources), "reports": len(held_out)},
    }
    told = json.dumps(settings, sort_keys=True).encode()
    fits = folder / f"fits-{hashlib.sha256(told).hexdigest()[:8]}"
    fits.mkdir(exist_ok=True)
    write_reports(held_out, fits / "held_out.jsonl")
    simulation = Simulation(pool, held_out, arguments.sizes, config, settings_of(arguments), fits)
    record = {**settings, "curves": earlier_curves(folder / "queue.json", settings)}
    for seed in arguments.seeds:
        for order in arguments.orders:
            if not any((c["order"], c["seed"]) == (order, seed) for c in record["curves"]):
                points = simulation.curve(order, seed)
                record["curves"].append({"order": order, "seed": seed, "points": points})
                write_json(record | summarise(record["curves"]), folder / "queue.json")
    draw_curves(record["curves"], folder / "queue.svg")
    print("\n".join(table(summarise(record["curves"]))))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="configs/embedded.toml")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--held-out", default="dly,cor", metavar="SOURCE,SOURCE")
    parser.add_argument("--orders", nargs="+", default=ORDERS[:2], choices=ORDERS)
    parser.add_argument(
        "--seeds", nargs="+", type=int, help="as many curves of each order (default: 13 14 15)"
    )
    parser.add_argument("--sizes", nargs="+", type=int, help="annotated reports, growing")
    parser.add_argument("--steps", type=int, default=300, help="of each fit")
    parser.add_argument("--output", type=Path, default=Path("runs/queue"))
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or ([13] if arguments.tiny else [13, 14, 15])
    arguments.sizes = arguments.sizes or (TINY_SIZES if arguments.tiny else SIZES)
    return arguments


def settings_of(arguments: argparse.Namespace) -> list[str]:
    """Every fit has as many steps, however few its reports, and keeps no checkpoint."""
    return [
        f"trainer.max_steps={2 if arguments.tiny else arguments.steps}",
        "trainer.save_strategy=no",
        "trainer.logging_strategy=no",
        "trainer.report_to=none",
        "trainer.disable_tqdm=true",
        *arguments.set,
    ]


def earlier_curves(file: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The curves that a call with the same settings has already measured."""
    if not file.is_file():
        return []
    record = json.loads(file.read_text("utf-8"))
    same = all(record.get(key) == value for key, value in settings.items())
    curves: list[dict[str, Any]] = record["curves"] if same else []
    return curves


def summarise(curves: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds, and what the orders need for the F1 that random order comes to."""
    means = {}
    for order in dict.fromkeys(curve["order"] for curve in curves):
        columns = zip(*(c["points"] for c in curves if c["order"] == order), strict=True)
        means[order] = [
            {
                "reports": statistics.mean(point["reports"] for point in points),
                "words": statistics.mean(point["words"] for point in points),
                "f1": statistics.mean(point["f1"] for point in points),
                "lowest": min(point["f1"] for point in points),
                "highest": max(point["f1"] for point in points),
            }
            for points in columns
        ]
    needed = [
        {
            "f1": goal["f1"],
            **{
                unit: {order: reached(points, goal["f1"], unit) for order, points in means.items()}
                for unit in ("reports", "words")
            },
        }
        for goal in means.get("random", [])[1:]
    ]
    return {"means": means, "needed": needed}


def reached(points: Sequence[dict[str, float]], goal: float, unit: str) -> float | None:
    """Where a curve first comes to `goal`, straight lines between its points; None: never."""
    if points[0]["f1"] >= goal:
        return points[0][unit]
    for before, after in pairwise(points):
        if after["f1"] >= goal:
            share = (goal - before["f1"]) / (after["f1"] - before["f1"])
            return before[unit] + share * (after[unit] - before[unit])
    return None


def table(summary: dict[str, Any]) -> list[str]:
    """The means, and the reports needed, as lines."""
    orders = list(summary["means"])
    lines = [f"{'reports':>8}" + "".join(f"{order:>26}" for order in orders)]
    for points in zip(*summary["means"].values(), strict=True):
        figures = [
            f"{one['f1']:.4f} ({one['lowest']:.4f}–{one['highest']:.4f})".rjust(26)
            for one in points
        ]
        lines.append(f"{points[0]['reports']:>8.0f}" + "".join(figures))
    lines += ["", "reports (words) needed for the F1 of random order"]
    lines.append(f"{'F1':>8}" + "".join(f"{order:>26}" for order in orders))
    for goal in summary["needed"]:
        cells = []
        for order in orders:
            reports, words = goal["reports"][order], goal["words"][order]
            cells.append("not reached" if reports is None else f"{reports:.0f} ({words:,.0f})")
        lines.append(f"{goal['f1']:>8.4f}" + "".join(f"{cell:>26}" for cell in cells))
    return lines


def draw_curves(curves: Sequence[dict[str, Any]], output: Path) -> None:
    """F1 over annotated reports and over annotated words: means, and each seed's thin line."""
    import matplotlib.pyplot as plt

    # The same picture from the same figures: no date in it, no numbers drawn by chance.
    plt.rcParams["svg.hashsalt"] = "rasd"
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    means = summarise(curves)["means"]
    for axes, unit in zip(panels, ("reports", "words"), strict=True):
        for curve in curves:
            points, colour = curve["points"], COLOURS[curve["order"]]
            xs, ys = [point[unit] for point in points], [point["f1"] for point in points]
            axes.plot(xs, ys, color=colour, linewidth=0.6, alpha=0.5)
        for order, points in means.items():
            seeds = sum(curve["order"] == order for curve in curves)
            axes.plot(
                [point[unit] for point in points],
                [point["f1"] for point in points],
                color=COLOURS[order],
                marker="o",
                markersize=3,
                label=f"{order} (mean of {seeds})",
            )
        axes.set(xlabel=f"annotated {unit}", ylabel="strict F1 on held-out sources")
        axes.grid(alpha=0.3)
    panels[1].set_ylabel("")
    panels[0].legend(loc="lower right")
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
    plt.close(figure)


if __name__ == "__main__":
    main()

"""Several fits of one configuration: how much figures vary with the seed, or with the reports.

`seed-N/model` or `fold-N/model` of the output are the fits, beside each lies its evaluation, which
knows what the fit has learned from; `sweep.json` holds all figures with their mean and spread. A
label's are those of the runs whose gold holds the label: elsewhere there is nothing to be found,
and an F1 of 0 would say nothing. With folds, `evaluation.json` and
`predictions.jsonl` of the output are those of all reports, each predicted by the fit that had not
seen it.
"""

import json
import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from annotation.bundled import find_file
from annotation.files import open_output, write_json
from annotation.formats import ReadOptions, write_reports
from annotation.labels import load_labels
from annotation.problems import UserError
from annotation.report import Report
from inference.provenance import commit, versions
from training.config import LABELS_FROM_DATA, Config, DataSection
from training.data import AnnotatedReports, labels_in, missing_files, read_annotated
from training.evaluate import (
    PREDICTIONS,
    Besides,
    Evaluation,
    evaluate_model,
    evaluate_predictions,
)
from training.fit import fit
from training.folds import fold_reports
from training.hardware import this_process

log = logging.getLogger(__name__)

SWEEP = "sweep.json"
FigurePath = tuple[str, ...]


def sweep_seeds(
    config: Config, seeds: Sequence[int], output: Path, *, resume: bool = False
) -> dict[str, Any]:
    """Fit with each seed, measure on the held-out reports, else the development ones; `sweep.json`.

    Raises UserError without anything to measure on, and for a seed that is named twice.
    """
    part = "held_out" if config.data.held_out else "dev"
    files = config.data.held_out or config.data.dev
    problems = [*_process_problems(), *missing_files(*config.data.train, *files)]
    if len(files) == 0:
        problems.append("data.held_out and data.dev name no file: nothing to measure on")
    if len(set(seeds)) < max(len(seeds), 2) or not all(0 <= seed < 2**32 for seed in seeds):
        given = ",".join(map(str, seeds))
        problems.append(f"--seeds {given}: expected two or more different ones, 0 or greater")
    if problems:
        raise UserError("\n".join(problems))
    options = ReadOptions(format=config.data.format, annotators=config.data.annotators)
    train = read_annotated(config.data.train, None, options)
    gold = read_annotated(files, None, options)
    _forget_sweep(output)
    write_reports(train.reports, output / "train.jsonl")
    write_reports(gold.reports, output / "gold.jsonl")
    runs, set_aside, warnings = [], 0, []
    for seed in seeds:
        folder = output / f"seed-{seed}"
        log.info("seed %d, one of %d", seed, len(seeds))
        record = fit(_with_seed(config, seed), folder / "model", resume=resume)
        set_aside = sum(part["set_aside"] for part in record["data"].values())
        evaluation = _evaluate(folder, output / "gold.jsonl", output / "train.jsonl")
        # Of each fit's own development reports a line is told in any case.
        warnings = replace(evaluation.leaks, fitted_on={}).warnings()
        runs.append({"seed": seed, **_run(record, evaluation.to_json())})
    about = {"by": "seed", "measured_on": part, "warnings": warnings}
    return _written(about, config, runs, set_aside, output)


def sweep_folds(
    config: Config, folds: int, output: Path, *, resume: bool = False
) -> dict[str, Any]:
    """k-fold cross-validation over the training reports; `sweep.json`.

    Each fit learns from all folds but one and is measured on that one. Development reports, where
    the configuration has some, pick the best epoch of every fit; held-out ones are not used. The
    folds follow from `trainer.seed`. Raises UserError.
    """
    if problems := [*_process_problems(), *missing_files(*config.data.train, *config.data.dev)]:
        raise UserError("\n".join(problems))
    options = ReadOptions(format=config.data.format, annotators=config.data.annotators)
    train = read_annotated(config.data.train, None, options)
    dev = read_annotated(config.data.dev, None, options) if config.data.dev else None
    seed = int(config.trainer_settings().get("seed", 13))
    divided = fold_reports(train.reports, folds, seed)
    _forget_sweep(output)
    labels = write_labels(config, train, output)
    runs, found = [], []
    for number, held_out in enumerate(divided, 1):
        folder = output / f"fold-{number}"
        log.info("fold %d of %d: %d reports held out", number, folds, len(held_out))
        others = [report for other in divided if other is not held_out for report in other]
        data = write_fold(folder, others, dev, held_out, labels)
        record = fit(config.model_copy(update={"data": data}), folder / "model", resume=resume)
        evaluation = _evaluate(folder, folder / "held_out.jsonl", folder / "train.jsonl")
        found.append(folder / PREDICTIONS)
        runs.append({"fold": number, **_run(record, evaluation.to_json())})
    set_aside = train.set_aside + (dev.set_aside if dev else 0)
    pooled = _evaluate_all(train.reports, found, output)
    # Near-duplicates share a fold, so that there are no leaks to be told of.
    about = {"by": "fold", "measured_on": "train", "warnings": [], "pooled": pooled}
    return _written(about, config, runs, set_aside, output)


def _process_problems() -> list[str]:
    count = this_process().num_processes
    if count == 1:
        return []
    return [f"{count} processes: a sweep runs in one; call it without a launcher"]


def _forget_sweep(output: Path) -> None:
    """Remove the figures of an earlier sweep: until all fits are done there are none."""
    if (output / SWEEP).is_file():
        (output / SWEEP).unlink()


def _with_seed(config: Config, seed: int) -> Config:
    trainer = config.trainer.model_copy(update={"seed": seed})  # type: ignore[attr-defined]
    return config.model_copy(update={"trainer": trainer})


def write_labels(config: Config, train: AnnotatedReports, output: Path) -> str:
    """A labels file for all folds: of labels `from data` a rare one may be absent from a fold."""
    if config.data.labels != LABELS_FROM_DATA:
        load_labels(config.data.labels)
        return str(find_file(config.data.labels))
    path = output / "labels.toml"
    with open_output(path) as file:
        for label in labels_in(train.reports):
            file.write(f"[[label]]\nname = {json.dumps(label)}\n\n")
    return str(path)


def write_fold(
    folder: Path,
    train: Sequence[Report],
    dev: AnnotatedReports | None,
    held_out: Sequence[Report],
    labels: str,
) -> DataSection:
    """The files of a fold, and the `[data]` that names them."""
    parts = {"train": train, "dev": dev.reports if dev else [], "held_out": held_out}
    for name, reports in parts.items():
        if reports:
            write_reports(reports, folder / f"{name}.jsonl")
    train_file, dev_file, held_out_file = (
        [str(folder / f"{name}.jsonl")] if reports else [] for name, reports in parts.items()
    )
    return DataSection(train=train_file, dev=dev_file, held_out=held_out_file, labels=labels)


def _evaluate(folder: Path, gold: Path, train: Path) -> Evaluation:
    """The evaluation of a fit, written beside it, with the leak guard."""
    besides = Besides(train=(str(train),))
    return evaluate_model(folder / "model", str(gold), folder, besides=besides)


def _evaluate_all(reports: Sequence[Report], found: Sequence[Path], output: Path) -> dict[str, Any]:
    """Micro, macro and labels over all folds' predictions together, written into `output`."""
    write_reports(reports, output / "gold.jsonl")
    lines = {
        json.loads(line)["id"]: line
        for path in found
        for line in path.read_text("utf-8").splitlines()
    }
    with open_output(output / PREDICTIONS) as file:
        file.writelines(lines[report.id] + "\n" for report in reports)
    evaluation = evaluate_predictions(
        output / PREDICTIONS, str(output / "gold.jsonl"), output
    ).to_json()
    return {name: evaluation[name] for name in ("micro", "macro", "labels")}


def _run(record: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: evaluation[name] for name in ("micro", "macro", "labels", "reports")}
    return {"model": record["model"], "best_step": record["best_step"], **figures}


def _written(
    about: dict[str, Any],
    config: Config,
    runs: list[dict[str, Any]],
    set_aside: int,
    output: Path,
) -> dict[str, Any]:
    swept = {
        **about,
        "summary": summarise_runs(runs),
        "runs": runs,
        "set_aside": set_aside,
        "config": config.model_dump(mode="json", exclude_unset=True),
        "versions": versions(),
        "commit": commit(),
    }
    write_json(swept, output / SWEEP)
    return swept


def summarise_runs(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Mean and spread of every figure, by names such as `labels.ACTOR.f1`."""
    return {".".join(path): _spread([_value(run, path) for run in runs]) for path in _paths(runs)}


def _paths(runs: Sequence[Mapping[str, Any]]) -> list[FigurePath]:
    """The figures that runs have, such as `micro.f1`."""
    labels = sorted({label for run in runs for label in run["labels"]})
    places: list[FigurePath] = [("micro",), ("macro",), *(("labels", label) for label in labels)]
    return [(*place, figure) for place in places for figure in ("precision", "recall", "f1")]


def _value(run: Mapping[str, Any], path: FigurePath) -> float | None:
    """A figure of a run; None of a label that its gold does not hold."""
    *place, figure = path
    value: Any = run
    for key in place:
        value = value.get(key, {})
    return float(value[figure]) if value.get("support", figure in value) else None


def _spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean, sample standard deviation, least and greatest of those runs that have a value."""
    there = [value for value in values if value is not None]
    return {
        "runs": len(there),
        "mean": statistics.fmean(there) if there else None,
        "deviation": statistics.stdev(there) if len(there) > 1 else None,
        "least": min(there, default=None),
        "greatest": max(there, default=None),
    }


def describe_sweep(swept: Mapping[str, Any]) -> list[str]:
    """F1 of each fit, then mean and spread, as aligned lines; a dash where there is none."""
    runs = swept["runs"]
    heads = [str(run[swept["by"]]) for run in runs]
    width = max(9, 1 + max(map(len, heads)))
    names = [path.removesuffix(".f1") for path in swept["summary"] if path.endswith(".f1")]
    first = max(14, *(len(name.removeprefix("labels.")) for name in names))
    lines = [f"{'F1 of ' + swept['by']:{first}}" + "".join(f"{head:>{width}}" for head in heads)]
    lines[0] += f"{'mean':>10}{'deviation':>11}"
    for name in names:
        values = [_value(run, (*name.split(".", 1), "f1")) for run in runs]
        spread = swept["summary"][f"{name}.f1"]
        told = "".join(_told(value, width) for value in values)
        lines.append(
            f"{name.removeprefix('labels.'):{first}}{told}"
            f"{_told(spread['mean'], 10)}{_told(spread['deviation'], 11)}"
        )
    if swept["measured_on"] == "dev":
        lines.append("measured on the development reports, which picked the best epoch: too high")
    if "pooled" in swept:
        micro = swept["pooled"]["micro"]
        interval = micro["interval"]
        sure = f" ({interval[0]:.4f}–{interval[1]:.4f})" if interval else ""
        lines.append(f"all folds together: micro F1 {micro['f1']:.4f}{sure}")
    return [*swept["warnings"], *lines]


def _told(value: float | None, width: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:{width}.4f}"

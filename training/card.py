"""The model card: what a model is, what it learned from, how good it is, and what it is not."""

from pathlib import Path
from typing import Any

from annotation.files import open_output
from training.calibrate import describe_calibration

CARD = "README.md"


def write_card(folder: Path, record: dict[str, Any]) -> None:
    """Write `README.md` of a model folder from its record."""
    with open_output(folder / CARD) as file:
        file.write(card(record))


def card(record: dict[str, Any]) -> str:
    """The model card, as Markdown with the head that model hubs read."""
    labels = record["labels"]
    encoder = record["config"]["model"].get("encoder") or "none: it started from random weights"
    if record["init"]:
        encoder = f"an earlier model ({record['init'][:12]}…)"
    data = "\n".join(
        f"| {name} | {part['reports']} | {', '.join(part['files'])} |"
        for name, part in record["data"].items()
    )
    return f"""---
language: ar
library_name: transformers
pipeline_tag: token-classification
tags: [arabic, named-entity-recognition, conflict-monitoring, rasd]
---

# Spans in Arabic monitoring reports: {", ".join(labels)}

A token classifier, fitted by Rasd {record["versions"]["rasd"]}. Encoder: {encoder}.
Predict with `python -m inference predict --model FOLDER REPORTS --output FILE`: it reads whole
reports through overlapping windows, tags whole words, and gives offsets into the raw text. Other
tools can load the folder, but cut long texts and words.

## Learned from

| part | reports | files |
| --- | --- | --- |
{data}

{record["steps"]} steps ({record["epochs"]:.1f} epochs) in {record["seconds"] / 60:.1f} minutes on \
{record["device"]}{" in bfloat16" if record["bf16"] else ""}, seed {record["seed"]}; kept is step \
{record["best_step"]}. All settings, data hashes and versions: `training.json`.

## Measured

Strict: a span counts when start, end and label are all right.

{_figures(record["metrics"]) or "Nothing was: no development and no held-out reports were given."}

{_scores(record["calibration"])}

## Limits

It knows the parties, places and ways of writing of the reports that it learned from; expect less on
others, and measure on your own (`python -m training evaluate`). A span is what a report says, not
what is true. Reports of other languages or subjects were not tried.
"""


def _figures(metrics: dict[str, dict[str, Any]]) -> str:
    """A table for each part that was measured."""
    tables = []
    for part, scores in metrics.items():
        rows = [*scores["labels"].items(), ("micro", scores["micro"])]
        lines = "\n".join(
            f"| {name} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} "
            f"| {row['support']} |"
            for name, row in rows
        )
        head = f"| {part} | precision | recall | F1 | gold |\n| --- | --- | --- | --- | --- |"
        tables.append(f"{head}\n{lines}")
    return "\n\n".join(tables)


def _scores(calibration: dict[str, Any]) -> str:
    """What the scores of spans mean."""
    told = describe_calibration(calibration)
    means = (
        "a score is the probability that start, end and label are all right"
        if calibration["calibrated"]
        else "a score is the lowest tag probability among a span's words"
    )
    return f"{told[0].upper()}{told[1:]}; {means}."

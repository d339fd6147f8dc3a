"""The card of a pre-trained encoder: what it read, how long it learned, its limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.files import open_output

CARD = "README.md"
ROWS = 12
"""Lines of the loss curve that the card shows; `pretraining.json` has all."""


def write_encoder_card(folder: Path, record: dict[str, Any]) -> None:
    """Write `README.md` of an encoder's folder from its record."""
    with open_output(folder / CARD) as file:
        file.write(encoder_card(folder.name, record))


def encoder_card(name: str, record: dict[str, Any]) -> str:
    """The card, as Markdown with the head that model hubs read."""
    text, history = record["text"], record["history"]
    schedule = record["config"]["schedule"]
    read = schedule["pieces"] / max(text["train_pieces"], 1)
    begun = (
        f"It goes on from {record['init']}." if record["init"] else "It began from random weights."
    )
    focus = (
        f" Of these, the {schedule['focus']:.0%} most like the reports it is for were read."
        if schedule.get("focus", 1) < 1
        else ""
    )
    return f"""---
language: ar
library_name: transformers
pipeline_tag: fill-mask
tags: [arabic, masked-language-model, rasd]
---

# {name}

An Arabic encoder of {record["parameters"] / 1e6:.1f} million parameters, pre-trained by Rasd \
{record["versions"]["rasd"]} to guess hidden words. {begun} Fit it to spans with
`python -m training fit --config configs/embedded.toml --set model.encoder=FOLDER --output MODEL`.

## What it read

{text["texts"]:,} texts of {text["words"]:,} words, {text["train_pieces"]:,} pieces for learning \
and {text["held_out_pieces"]:,} for measuring; {text["excluded"]:,} texts were left out as \
near-duplicates of reports that models are \
measured on. It learned from {schedule["pieces"]:,} pieces, {read:.1f} \
times as many as the texts have.{focus} Files and their hashes: `pretraining.json`.

## How it learned

{history[-1]["step"]:,} steps in {record["seconds"] / 60:.0f} minutes on {record["device"]} \
({record["processes"]} process{"es" if record["processes"] > 1 else ""}\
{", bfloat16" if record["bf16"] else ""}), \
{_median([entry["pieces_per_second"] for entry in history]):,} pieces a second in the middle.

| pieces | loss | held-out loss |
| --- | --- | --- |
{_curve(history)}

## Limits

It knows the words, subjects and ways of writing of what it read, its prejudices too, and nothing
after it was written. It reads {schedule.get("sequence", 128)} pieces at once as it learned \
to, more with less certainty. By itself it guesses words; it has to be fitted to be of use.
"""


def _curve(history: Sequence[dict[str, Any]]) -> str:
    # Where no text was held out, no entry has such a loss.
    measured = [entry for entry in history if "held_out_loss" in entry] or history
    step = max(-(-len(measured) // ROWS), 1)
    shown = measured[::-1][::step][::-1]
    return "\n".join(
        f"| {entry['pieces']:,} | {entry['loss']:.3f} | {_loss(entry.get('held_out_loss'))} |"
        for entry in shown
    )


def _loss(loss: float | None) -> str:
    return "–" if loss is None else f"{loss:.3f}"


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]

"""The speeds of a benchmark as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def draw_speeds(content: Mapping[str, Any], output: Path) -> None:
    """Draw a bar a way: the median pieces a second, and from the slowest turn to the fastest."""
    import matplotlib.pyplot as plt

    # The same picture from the same figures: no date in it, no numbers drawn by chance.
    plt.rcParams["svg.hashsalt"] = "rasd"
    ways = sorted(content["ways"], key=lambda way: float(way["pieces_per_second"]))
    pieces = content["work"]["pieces"]
    speeds = [way["pieces_per_second"] for way in ways]
    below = [s - pieces / max(way["seconds"]) for s, way in zip(speeds, ways, strict=True)]
    above = [pieces / min(way["seconds"]) - s for s, way in zip(speeds, ways, strict=True)]
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.4 * len(ways)), layout="constrained")
    colours = ["tab:orange" if way["title"].startswith("Rasd") else "tab:gray" for way in ways]
    axes.barh([way["title"] for way in ways], speeds, xerr=[below, above], color=colours)
    axes.set(xlabel="pieces of real text a second")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
    plt.close(figure)

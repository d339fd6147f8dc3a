"""The loss curves of pre-trainings as a picture."""

import json
from collections.abc import Sequence
from pathlib import Path

from annotation.problems import UserError


def draw_loss_curves(records: Sequence[Path], output: Path) -> None:
    """Draw the losses of `pretraining.json` files over pieces into an SVG or PNG file.

    Raises UserError without matplotlib (`pip install 'rasd[plots]'`) or without a record.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UserError(
            "drawing needs matplotlib, which comes with pip install 'rasd[plots]'"
        ) from None
    # The same picture from the same figures: no date in it, no numbers drawn by chance.
    plt.rcParams["svg.hashsalt"] = "rasd"
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for file in records:
        history = _history(file)
        (line,) = axes.plot(
            [entry["pieces"] / 1e6 for entry in history],
            [entry["loss"] for entry in history],
            linewidth=0.8,
            alpha=0.5,
            label=f"{file.parent.name}, learned from",
        )
        measured = [entry for entry in history if "held_out_loss" in entry]
        if measured:
            axes.plot(
                [entry["pieces"] / 1e6 for entry in measured],
                [entry["held_out_loss"] for entry in measured],
                color=line.get_color(),
                marker="o",
                markersize=3,
                label=f"{file.parent.name}, held out",
            )
    axes.set(xlabel="million pieces", ylabel="loss over hidden pieces")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
    plt.close(figure)


def _history(file: Path) -> list[dict[str, float]]:
    try:
        history: list[dict[str, float]] = json.loads(file.read_text("utf-8"))["history"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{file}: not a record of a pre-training; expected the pretraining.json of an encoder"
        ) from None
    return history

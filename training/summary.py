"""The table at the end of `make run`: what was made, where it lies, and how good it is."""

import json
from pathlib import Path

from annotation.problems import UserError
from training.evaluate import EVALUATION, PREDICTIONS
from training.evaluation.page.write import PAGE
from training.record import RECORD


def summarise(run: Path) -> list[str]:
    """The lines of the table for a run's folder. Raises UserError where something is missing."""
    files = {name: run / name for name in (f"model/{RECORD}", EVALUATION, PREDICTIONS)}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise UserError(f"{run}: not a whole run, {', '.join(missing)} missing; call make run")
    record = json.loads(files[f"model/{RECORD}"].read_text("utf-8"))
    evaluation = json.loads(files[EVALUATION].read_text("utf-8"))
    with files[PREDICTIONS].open(encoding="utf-8") as lines:
        predicted = [len(json.loads(line)["spans"]) for line in lines]
    size = sum(path.stat().st_size for path in (run / "model").glob("*") if path.is_file())
    rows = [
        ("model", str(run / "model"), f"{size / 1e6:.0f} MB, {record['seconds'] / 60:.1f} minutes"),
        ("evaluation", str(files[EVALUATION]), f"{evaluation['reports']} held-out reports"),
        (
            "predictions",
            str(files[PREDICTIONS]),
            f"{sum(predicted)} spans of {len(predicted)} reports",
        ),
    ]
    if (run / PAGE).is_file():
        rows.append(("page", str(run / PAGE), "open it in a browser"))
    for name, figures in [*evaluation["labels"].items(), ("micro", evaluation["micro"])]:
        counted = f"P {figures['precision']:.4f}  R {figures['recall']:.4f}"
        rows.append(
            (f"F1 {name}", f"{figures['f1']:.4f}", f"{counted}  ({figures['support']} gold)")
        )
    width = max(len(where) for _, where, _ in rows)
    return [f"{what:12} {where:{width}}  {how}" for what, where, how in rows]

"""The most frequent kinds of mistakes of an evaluation, as a table for a paper or a log."""

import json
from pathlib import Path

from annotation.problems import UserError
from training.evaluate import EVALUATION
from training.evaluation.errors.table import error_table


def report_errors(evaluation: Path, count: int) -> list[str]:
    """The `count` most frequent classes as Markdown, of a folder that `evaluate` wrote.

    Raises UserError where it is none, or was written before errors had classes.
    """
    path = evaluation / EVALUATION
    if count < 1:
        raise UserError(f"--count {count}: expected 1 or more")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected the folder of an evaluation")
    try:
        content = json.loads(path.read_text("utf-8"))
        rows = content["error_classes"]
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path}: holds no classes of errors; call python -m training evaluate again"
        ) from None
    if not rows:
        return ["There is no error."]
    return error_table(rows, count)

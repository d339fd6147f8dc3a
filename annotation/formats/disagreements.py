"""The list of disagreements as a file: a table to go through, or JSON lines."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from annotation.disagreement import Disagreement
from annotation.files import open_output, plain_suffix
from annotation.problems import UserError

_COLUMNS = ("document", "start", "end", "kinds", "text")


def check_disagreements_name(path: str | Path) -> None:
    """Raise UserError for a name that tells none of the two forms."""
    if plain_suffix(Path(path)) not in (".csv", ".jsonl"):
        raise UserError(f"{path}: its name does not tell the form; expected .csv or .jsonl")


def write_disagreements(disagreements: Sequence[Disagreement], path: str | Path) -> None:
    """Write a disagreement a row, with a column for each annotator, or a JSON line.

    In the table a cell is empty where that annotator never had the document, and a dash where
    nothing was marked. Raises UserError for a name that is neither .csv nor .jsonl.
    """
    check_disagreements_name(path)
    path = Path(path)
    if plain_suffix(path) == ".jsonl":
        with open_output(path) as stream:
            for one in disagreements:
                stream.write(json.dumps(one.to_json(), ensure_ascii=False) + "\n")
        return
    names = sorted({name for one in disagreements for name in one.readings})
    # Spreadsheet programs take a table for UTF-8 only where a byte order mark says so.
    with open_output(path, "utf-8-sig") as stream:
        table = csv.writer(stream)
        table.writerow([*_COLUMNS, *names])
        for one in disagreements:
            told = one.in_words()
            place = [one.document, one.start, one.end, ", ".join(one.kinds), one.text]
            table.writerow([*place, *(told.get(name, "") for name in names)])

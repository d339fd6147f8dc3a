"""Reports out, in any of the formats that are written here."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

from annotation.files import COMPRESSIONS, open_output, open_output_bytes, plain_suffix
from annotation.formats.conll import write_conll
from annotation.formats.jsonl import write_jsonl, write_predictions
from annotation.formats.label_studio import write_label_studio, write_label_studio_predictions
from annotation.formats.parquet import write_parquet
from annotation.formats.table import write_csv
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report

STANDARD_OUTPUT = "-"

TextWriter = Callable[[Iterable[Report], IO[str], Ledger], int]

_TEXT_WRITERS: Mapping[str, TextWriter] = {
    "jsonl": write_jsonl,
    "predictions": write_predictions,
    "csv": write_csv,
    "conll": write_conll,
    "label-studio": write_label_studio,
    "label-studio-predictions": write_label_studio_predictions,
}
WRITTEN_FORMATS = (*_TEXT_WRITERS, "parquet")

_SUFFIXES: Mapping[str, str] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".json": "label-studio",
}
_OF_PREDICTIONS: Mapping[str, str] = {
    "jsonl": "predictions",
    "label-studio": "label-studio-predictions",
}


def written_format(path: str | Path, *, predictions: bool = False) -> str:
    """The format that a name to write to tells; JSONL for standard output (`-`).

    With `predictions`, the form that has scores instead of texts. Raises UserError for a name
    that tells none.
    """
    if str(path) == STANDARD_OUTPUT:
        told = "jsonl"
    else:
        suffix = plain_suffix(Path(path))
        if suffix not in _SUFFIXES:
            raise UserError(
                f"{path}: its name does not tell the format to write; expected "
                f"{', '.join(_SUFFIXES)} (also packed: {', '.join(COMPRESSIONS)}), "
                f"or --to with one of {', '.join(WRITTEN_FORMATS)}"
            )
        told = _SUFFIXES[suffix]
    return _OF_PREDICTIONS.get(told, told) if predictions else told


def write_reports(
    reports: Iterable[Report],
    path: str | Path,
    format: str | None = None,
    ledger: Ledger | None = None,
) -> int:
    """Write reports one by one as they come, and give their number.

    The file appears when it is whole; `-` is standard output. What a format cannot hold is
    entered in `ledger`. Raises UserError, before the first report is asked for, where the format
    cannot be told.
    """
    format = written_format(path) if format is None else format
    if format not in WRITTEN_FORMATS:
        raise UserError(f"--to {format}: expected one of {', '.join(WRITTEN_FORMATS)}")
    ledger = ledger or Ledger()
    if str(path) == STANDARD_OUTPUT:
        if format == "parquet":
            raise UserError("Parquet is not written to standard output; give --output a file name")
        return _TEXT_WRITERS[format](reports, sys.stdout, ledger)
    if format == "parquet":
        with open_output_bytes(Path(path)) as raw:
            return write_parquet(reports, raw, ledger)
    # Spreadsheet programs take a table for UTF-8 only where a byte order mark says so.
    encoding = "utf-8-sig" if format == "csv" else "utf-8"
    with open_output(Path(path), encoding) as stream:
        return _TEXT_WRITERS[format](reports, stream, ledger)

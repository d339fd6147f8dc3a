"""Files in, records out: one stream over all inputs, whatever their formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from annotation.files import UNREADABLE
from annotation.formats.conll import read_conll
from annotation.formats.decoding import check_encoding
from annotation.formats.ids import IdSet
from annotation.formats.jsonl import read_jsonl
from annotation.formats.label_studio import read_label_studio, read_label_studio_predictions
from annotation.formats.options import ReadOptions
from annotation.formats.parquet import read_parquet
from annotation.formats.source import Source, find_sources
from annotation.formats.table import read_csv
from annotation.formats.text import read_text
from annotation.ledger import Record
from annotation.problems import Rejection, Repair, UserError, place
from annotation.report import Report

Reader = Callable[[Source, ReadOptions], Iterator[tuple[int | None, Record]]]
"""Yields each record with its line (or row, or task) in the file."""

READERS: Mapping[str, Reader] = {
    "text": read_text,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "conll": read_conll,
    "label-studio": read_label_studio,
    "label-studio-predictions": read_label_studio_predictions,
}


def read_records(
    sources: Sequence[str | Path], options: ReadOptions | None = None
) -> Iterator[Record]:
    """The reports of files, folders and standard input (`-`), and what is wrong with the others.

    Everything is read once and as it is asked for; only JSON files are held whole. Of several
    reports with one id the first is kept. Raises UserError before anything is read where a file
    is missing or its format cannot be told, and while reading where a choice has to be made.
    """
    options = options or ReadOptions()
    found, left_out = check_sources(sources, options)
    return _read_all(found, left_out, options)


def check_sources(
    sources: Sequence[str | Path], options: ReadOptions
) -> tuple[list[Source], list[Repair]]:
    """The files behind `sources`, and what is left out of folders. Raises UserError."""
    if options.format is not None and options.format not in READERS:
        raise UserError(f"--from {options.format}: expected one of {', '.join(READERS)}")
    check_encoding(options.encoding)
    return find_sources(sources, options.format)


def _read_all(
    sources: Sequence[Source], left_out: Sequence[Repair], options: ReadOptions
) -> Iterator[Record]:
    yield from left_out
    ids = IdSet()
    for source in sources:
        for line, record in read_source(source, options):
            repeated = None
            if isinstance(record, Report):
                repeated = enter_id(ids, source.name, line, record.id)
            yield repeated or record


def enter_id(ids: IdSet, file: str, line: int | None, report_id: str) -> Rejection | None:
    """Add the id of a report that stands in a line; its rejection where the id was met before."""
    if ids.add(report_id, place(file, line, None)):
        return None
    message = f"this id stood first in {ids.place_of(report_id)}; that one is kept"
    return Rejection(file, line, report_id, "duplicate_id", message)


def read_source(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The records of one source, each with its line; ids are not compared."""
    line = None
    try:
        for line, record in READERS[source.format](source, options):
            yield line, record
    except UNREADABLE as error:
        reached = "" if line is None else f" after line {line}"
        message = f"cannot be read{reached}: {error or type(error).__name__}"
        yield None, Rejection(source.name, None, None, "unreadable", message)

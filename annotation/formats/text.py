"""Plain text: a file is a report."""

from collections.abc import Iterator

from annotation.formats.decoding import decode, numbered_lines
from annotation.formats.options import ReadOptions
from annotation.formats.source import Source
from annotation.ledger import Record
from annotation.problems import Rejection
from annotation.report import InvalidReport, Report


def read_text(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The report of a text file; its line breaks stay as they are."""
    with source.open() as stream:
        raw = b"".join(line for _, line in numbered_lines(stream))
    try:
        yield None, Report(source.text_id, decode(raw, options.encoding, "file"))
    except InvalidReport as error:
        yield None, Rejection(source.name, None, source.text_id, error.reason, str(error))

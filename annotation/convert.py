"""Reports of any format, written in another."""

from collections.abc import Sequence
from pathlib import Path

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.writing import written_format
from annotation.ledger import Ledger


def convert(
    sources: Sequence[str | Path],
    output: str | Path,
    options: ReadOptions | None = None,
    output_format: str | None = None,
) -> Ledger:
    """Read `sources`, write `output`, and give the account of it.

    Raises UserError, and then leaves nothing behind, where something has to be mended first.
    """
    output_format = output_format or written_format(output)
    records = read_records(sources, options)
    with Ledger.beside(output) as ledger:
        write_reports(ledger.sort(records), output, output_format, ledger)
    return ledger

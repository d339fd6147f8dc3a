"""Makes the bundled corpus: `python -m annotation.corpus build …`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from annotation.bundled import CORPUS
from annotation.command_line import CommandParser, run, tell
from annotation.ledger import Ledger
from annotation.problems import UserError


def build_parser() -> CommandParser:
    """The one command there is."""
    commands = CommandParser("annotation.corpus", "Make the bundled corpus.")
    command = commands.add(
        "build",
        _build,
        help="import reports into a real Label Studio and write what it exports of them",
        example=f"--reports reports.jsonl --output {CORPUS}",
    )
    command.add_argument("--reports", required=True, metavar="FILE", help="reports with spans")
    command.add_argument("--output", required=True, metavar="FILE", help="the export to write")
    return commands


def _build(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from annotation.corpus.build import build_corpus
    from annotation.formats import read_records

    with Ledger() as ledger:
        reports = list(ledger.sort(read_records([arguments.reports])))
    status = tell(ledger)
    if status or not reports:
        raise UserError(
            f"{arguments.reports}: a corpus is built of whole reports; mend these first"
        )
    with tqdm(total=len(reports), unit=" reports", desc="Label Studio") as bar:
        build_corpus(reports, Path(arguments.output), bar.update)
    print(f"{len(reports)} reports are in {arguments.output}", file=sys.stderr)
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())

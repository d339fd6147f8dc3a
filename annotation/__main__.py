"""The commands of this room: `python -m annotation COMMAND …`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from annotation.command_line import (
    CommandParser,
    add_reading_arguments,
    add_writing_arguments,
    reading_options,
    run,
    tell,
)
from annotation.convert import convert
from annotation.labels import DEFAULT_LABELS, load_labels
from annotation.ledger import Ledger


def build_parser() -> CommandParser:
    """All commands of this room."""
    commands = CommandParser("annotation", "Bring annotated reports in, check them, divide them.")
    _add_convert(commands)
    _add_check(commands)
    _add_split(commands)
    return commands


def _add_convert(commands: CommandParser) -> None:
    command = commands.add(
        "convert",
        _convert,
        help="read reports of any format and write them in another",
        example="export.json --output reports.jsonl --annotators majority",
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help="a file, a folder, or -")
    add_writing_arguments(command)
    add_reading_arguments(command)


def _convert(arguments: argparse.Namespace) -> int:
    ledger = convert(arguments.sources, arguments.output, reading_options(arguments), arguments.to)
    print(f"{ledger.reports} reports written to {arguments.output}", file=sys.stderr)
    return tell(ledger)


def _add_check(commands: CommandParser) -> None:
    command = commands.add(
        "check",
        _check,
        help="say what is wrong with a data set and how much; exit with 1 if something is",
        example="splits/train.jsonl splits/dev.jsonl splits/held_out.jsonl",
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help="a file, a folder, or -")
    command.add_argument("--json", action="store_true", help="print a JSON object")
    command.add_argument(
        "--labels",
        default=DEFAULT_LABELS,
        metavar="FILE",
        help="the labels there are (default: %(default)s)",
    )
    add_reading_arguments(command)


def _check(arguments: argparse.Namespace) -> int:
    from annotation.check import check_files, describe
    from annotation.formats import read_records

    labels = [label.name for label in load_labels(arguments.labels)]
    options = reading_options(arguments)
    read_records(arguments.sources, options)  # Nothing is read yet: it tells all missing files.
    # One by one, so that what stands in two files is seen and not set aside.
    checked = check_files([(s, read_records([s], options)) for s in arguments.sources], labels)
    if arguments.json:
        print(json.dumps(checked.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(describe(checked)))
    return 1 if checked.findings else 0


def _add_split(commands: CommandParser) -> None:
    command = commands.add(
        "split",
        _split,
        help="divide reports into training, development and held-out ones",
        example="reports.jsonl --by source --held-out north,south --seed 13 --output splits",
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help="a file, a folder, or -")
    command.add_argument(
        "--by", choices=("report", "source", "date"), help="what is held out (default: report)"
    )
    command.add_argument(
        "--held-out",
        metavar="A,B",
        help="ids, whole sources, or the first day to hold out; without it a share is drawn",
    )
    command.add_argument(
        "--held-out-share", type=float, metavar="SHARE", help="of all reports (default: 0.2)"
    )
    command.add_argument(
        "--dev-share", type=float, metavar="SHARE", help="of the other reports (default: 0.1)"
    )
    command.add_argument("--seed", type=int, help="of what is drawn (default: 13)")
    command.add_argument(
        "--previous",
        metavar="SPLITS",
        help="splits.json of an earlier split: no report in it moves, and its settings hold",
    )
    command.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="gets train.jsonl, dev.jsonl, held_out.jsonl and splits.json",
    )
    add_reading_arguments(command)


def _split(arguments: argparse.Namespace) -> int:
    from annotation.formats import read_records
    from annotation.split import split_reports
    from annotation.splits_file import choose_settings, describe, read_splits, write_split

    previous = read_splits(Path(arguments.previous)) if arguments.previous else None
    given = {name: getattr(arguments, name) for name in ("by", "seed", "dev_share")}
    given["held_out_share"] = arguments.held_out_share
    if arguments.held_out is not None:
        given["held_out"] = tuple(name.strip() for name in arguments.held_out.split(","))
    settings = choose_settings(given, previous)
    folder = Path(arguments.output)
    with Ledger(folder / "rejected.jsonl") as ledger:
        reports = list(ledger.sort(read_records(arguments.sources, reading_options(arguments))))
    status = tell(ledger)
    split = split_reports(reports, settings, previous.placed() if previous else None)
    write_split(split, reports, folder)
    for line in describe(split, reports, folder):
        print(line, file=sys.stderr)
    return 1 if split.needs_a_look else status


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())

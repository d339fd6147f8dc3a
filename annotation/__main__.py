"""The commands of this room: `python -m annotation COMMAND …`."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
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

_ANNOTATORS_FILES = "an export with several annotators a task, or a file for each annotator"


def build_parser() -> CommandParser:
    """All commands of this room."""
    commands = CommandParser("annotation", "Bring annotated reports in, check them, divide them.")
    _add_convert(commands)
    _add_check(commands)
    _add_split(commands)
    _add_push(commands)
    _add_pull(commands)
    _add_agree(commands)
    _add_adjudicate(commands)
    _add_queue(commands)
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


def _add_agree(commands: CommandParser) -> None:
    command = commands.add(
        "agree",
        _agree,
        help="say how far annotators agree, and what they disagree about",
        example="huda.jsonl omar.jsonl --output disagreements.csv",
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help=_ANNOTATORS_FILES)
    command.add_argument("--json", action="store_true", help="print a JSON object")
    command.add_argument(
        "--output", metavar="FILE", help="list all disagreements in a .csv or .jsonl file"
    )
    add_reading_arguments(command)


def _agree(arguments: argparse.Namespace) -> int:
    from annotation.agreement import describe, measure_agreement
    from annotation.formats.disagreements import check_disagreements_name, write_disagreements
    from annotation.readings import read_shared_reports

    if arguments.output:
        check_disagreements_name(arguments.output)
    ledger = Ledger()
    documents = read_shared_reports(arguments.sources, reading_options(arguments), ledger)
    status = tell(ledger)
    agreement = measure_agreement(documents)
    if arguments.output:
        write_disagreements(agreement.disagreements, arguments.output)
    if arguments.json:
        print(json.dumps(agreement.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(describe(agreement)))
    return status


def _add_adjudicate(commands: CommandParser) -> None:
    command = commands.add(
        "adjudicate",
        _adjudicate,
        help="write what annotators disagree about as tasks, and take the settled gold back",
        example="huda.jsonl omar.jsonl --settled export.json --output gold.jsonl",
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help=_ANNOTATORS_FILES)
    command.add_argument(
        "--settled",
        nargs="+",
        metavar="EXPORT",
        help="the tasks, annotated: writes the gold instead, and tells what is still open",
    )
    command.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="tasks for Label Studio (.json); with --settled the gold reports, in any format",
    )
    add_reading_arguments(command)


def _adjudicate(arguments: argparse.Namespace) -> int:
    from annotation.adjudicate import adjudicate_files, write_adjudication_tasks
    from annotation.formats import write_reports
    from annotation.formats.writing import written_format

    sources, output, options = arguments.sources, arguments.output, reading_options(arguments)
    with Ledger.beside(output) as ledger:
        if arguments.settled is None:
            tasks, count = write_adjudication_tasks(sources, output, options, ledger)
            print(f"{tasks} tasks with {count} disagreements: {output}", file=sys.stderr)
            return tell(ledger)
        gold_format = written_format(output)
        result = adjudicate_files(sources, arguments.settled, options, ledger)
        write_reports(result.gold, output, gold_format, ledger)
    print("\n".join(result.describe()), file=sys.stderr)
    return tell(ledger) or int(bool(result.open))


def _add_queue(commands: CommandParser) -> None:
    command = commands.add(
        "queue",
        _queue,
        help="pick the reports to annotate next: what the model is unsure of, all different",
        example="--reports archive.jsonl --predictions predictions.jsonl --labelled gold.jsonl "
        "--count 100 --output queue.jsonl",
    )
    command.add_argument(
        "--reports", nargs="+", required=True, metavar="FILE", help="reports to pick from"
    )
    command.add_argument(
        "--predictions", required=True, metavar="FILE", help="what inference predict said of them"
    )
    command.add_argument(
        "--labelled",
        nargs="+",
        default=[],
        metavar="FILE",
        help="reports that are annotated, or on their way: none of them or like them is picked",
    )
    command.add_argument("--count", type=int, required=True, metavar="K", help="how many to pick")
    command.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="reports, the worthiest first (.jsonl); FILE.predictions.jsonl gets their predictions",
    )
    add_reading_arguments(command)


def _queue(arguments: argparse.Namespace) -> int:
    from annotation.queue import queue_files

    with Ledger.beside(arguments.output) as ledger:
        account = queue_files(
            arguments.reports,
            arguments.predictions,
            arguments.labelled,
            arguments.output,
            arguments.count,
            reading_options(arguments),
            ledger,
            _show_progress,
        )
    print("\n".join(account.describe()), file=sys.stderr)
    return tell(ledger)


def _show_progress(places: Iterable[int], total: int) -> Iterable[int]:
    from tqdm import tqdm

    shown: Iterable[int] = tqdm(places, total=total, unit=" reports", disable=None)
    return shown


def _add_push(commands: CommandParser) -> None:
    command = commands.add(
        "push",
        _push,
        help="send reports, their spans and predictions to a Label Studio project",
        example='--create "Reports of May" reports.jsonl --predictions predictions.jsonl',
    )
    command.add_argument("sources", nargs="+", metavar="FILE", help="a file, a folder, or -")
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--project", type=int, metavar="ID", help="the number of a project")
    target.add_argument("--create", metavar="TITLE", help="make a new project of that title")
    command.add_argument(
        "--predictions",
        metavar="FILE",
        help="what a model says of the reports, to be corrected; those in Label Studio tasks go "
        "with them",
    )
    command.add_argument(
        "--model-version",
        metavar="NAME",
        help="of the predictions (default: the model's hash in FILE.run.json, else FILE's name)",
    )
    command.add_argument("--rejected", metavar="FILE", help="where to list all that is set aside")
    command.add_argument(
        "--labels",
        default=DEFAULT_LABELS,
        metavar="FILE",
        help="the labels there are (default: %(default)s)",
    )
    add_reading_arguments(command)


def _push(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from annotation.formats import read_records
    from annotation.label_studio_client import LabelStudioClient
    from annotation.push import describe, push_reports
    from annotation.pushed_predictions import read_pushed_predictions, read_task_predictions

    labels = load_labels(arguments.labels)
    options = reading_options(arguments)
    # Nothing is read yet: what is wrong with the names is told before a project is made.
    records = read_records(arguments.sources, options)
    named = []
    if arguments.predictions:
        named.append(read_pushed_predictions(arguments.predictions, arguments.model_version))
    with (
        LabelStudioClient.from_environment() as client,
        Ledger(Path(arguments.rejected) if arguments.rejected else None) as ledger,
        tqdm(unit=" reports", disable=None) as bar,
    ):
        pushed = push_reports(
            client,
            records,
            ledger,
            labels=labels,
            project=arguments.project,
            title=arguments.create,
            predictions=[*read_task_predictions(arguments.sources, options, ledger), *named],
            progress=bar.update,
        )
    print("\n".join(describe(pushed, client.url)), file=sys.stderr)
    return tell(ledger)


def _add_pull(commands: CommandParser) -> None:
    command = commands.add(
        "pull",
        _pull,
        help="bring reports from a Label Studio project, those that changed since the last pull",
        example="--project 7 --output reports.jsonl --annotators majority",
    )
    command.add_argument(
        "--project", type=int, required=True, metavar="ID", help="the number of a project"
    )
    add_writing_arguments(command)
    command.add_argument(
        "--annotators",
        metavar="all|first|majority|NAME",
        help="whose spans to take of tasks that several people annotated",
    )
    command.add_argument(
        "--text-column",
        metavar="NAME",
        help="key of the text in a task's data (default: told by the project)",
    )
    command.add_argument(
        "--id-column",
        default="id",
        metavar="NAME",
        help="key of the id in a task's data (default: %(default)s)",
    )
    command.add_argument(
        "--all", action="store_true", help="pull all tasks, not only those that changed"
    )


def _pull(arguments: argparse.Namespace) -> int:
    from annotation.label_studio_client import LabelStudioClient
    from annotation.pull import PullOptions, describe, pull_reports

    options = PullOptions(arguments.text_column, arguments.id_column, arguments.annotators)
    with LabelStudioClient.from_environment() as client:
        pulled = pull_reports(
            client,
            arguments.project,
            arguments.output,
            options,
            output_format=arguments.to,
            everything=arguments.all,
        )
    print("\n".join(describe(pulled, arguments.output)), file=sys.stderr)
    return tell(pulled.ledger)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())

"""What the three `__main__.py` share: how a command starts, fails and ends.

Exit status: 0 done; 1 done, but something was set aside or found; 2 nothing done, and the user can
mend it.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence

from annotation.formats.options import ReadOptions
from annotation.formats.writing import WRITTEN_FORMATS
from annotation.ledger import Ledger
from annotation.problems import UserError

Handler = Callable[[argparse.Namespace], int]


class CommandParser:
    """The parser of a room: commands are added one by one, each with an example in its help."""

    def __init__(self, room: str, description: str) -> None:
        self.room = room
        self.parser = argparse.ArgumentParser(
            prog=f"python -m {room}", description=description, allow_abbrev=False
        )
        self.summaries: dict[str, str] = {}
        """What each command does, in the order in which they were added."""
        self._commands = self.parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, handler: Handler, help: str, example: str) -> argparse.ArgumentParser:
        """Add a command; `example` is its arguments as a user would type them."""
        self.summaries[name] = help
        command = self._commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"example:\n  {self.parser.prog} {name} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(handler=handler)
        return command


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads reports; `reading_options` takes them up."""
    default = ReadOptions()
    group = parser.add_argument_group("how to read")
    group.add_argument(
        "--from",
        dest="input_format",
        metavar="FORMAT",
        help="text, jsonl, csv, parquet, conll, label-studio or label-studio-predictions "
        "(default: told by the file's name; jsonl for standard input)",
    )
    group.add_argument(
        "--text-column",
        default=default.text_column,
        metavar="NAME",
        help="key or column of the text (default: %(default)s)",
    )
    group.add_argument(
        "--id-column",
        default=default.id_column,
        metavar="NAME",
        help="key or column of the id (default: %(default)s)",
    )
    group.add_argument(
        "--encoding",
        default=default.encoding,
        metavar="NAME",
        help="of text files, such as windows-1256 (default: %(default)s)",
    )
    group.add_argument(
        "--annotators",
        metavar="all|first|majority|NAME",
        help="whose spans to take of Label Studio tasks that several people annotated",
    )


def add_writing_arguments(parser: argparse.ArgumentParser) -> None:
    """`--output` and `--to`, for every command that writes reports."""
    parser.add_argument("--output", required=True, metavar="FILE", help="what to write, or -")
    parser.add_argument(
        "--to",
        choices=WRITTEN_FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(WRITTEN_FORMATS)} (default: told by the name of the output)",
    )


def reading_options(arguments: argparse.Namespace, *, with_spans: bool = True) -> ReadOptions:
    """What the options of `add_reading_arguments` say."""
    return ReadOptions(
        format=arguments.input_format,
        text_column=arguments.text_column,
        id_column=arguments.id_column,
        encoding=arguments.encoding,
        annotators=arguments.annotators,
        with_spans=with_spans,
    )


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse, set up logging, call the handler, and turn what it raises into an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.handler(arguments))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output has gone (`… | head`): end quietly, as other tools do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def tell(ledger: Ledger) -> int:
    """Print the ledger's summary to stderr and give the exit status."""
    for line in ledger.summary():
        print(line, file=sys.stderr)
    return ledger.exit_status

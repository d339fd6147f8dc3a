"""The commands of this room: `python -m inference COMMAND …`."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from annotation.command_line import (
    CommandParser,
    add_reading_arguments,
    add_writing_arguments,
    reading_options,
    run,
    tell,
)
from annotation.problems import UserError
from annotation.report import Report

if TYPE_CHECKING:
    from inference.facts import FactReader


def build_parser() -> CommandParser:
    """All commands of this room."""
    commands = CommandParser("inference", "Run a fitted model over reports.")
    _add_predict(commands)
    _add_tokens(commands)
    _add_serve(commands)
    _add_facts(commands)
    return commands


def _add_predict(commands: CommandParser) -> None:
    command = commands.add(
        "predict",
        _predict,
        help="find the spans of reports",
        example="--model runs/embedded/model reports.jsonl --output predictions.jsonl",
    )
    command.add_argument("--model", type=Path, required=True, help="a model folder")
    command.add_argument("sources", nargs="+", metavar="INPUT", help="a file, a folder, or -")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    command.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help="pieces a batch, padding counted; less needs less memory",
    )
    command.add_argument(
        "--facts",
        action="store_true",
        help="write what the spans say, as the command facts does (.jsonl or rows)",
    )
    _add_actors(command)
    add_writing_arguments(command)
    add_reading_arguments(command)


def _add_actors(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--actors",
        default="configs/actors.csv",
        metavar="FILE",
        help="the table of known parties (default: %(default)s)",
    )


def _predict(arguments: argparse.Namespace) -> int:
    from annotation.formats import read_records
    from annotation.formats.writing import written_format
    from inference.model_folder import model_hash
    from inference.predict import predict_files
    from inference.predictor import BatchPredictor

    options = reading_options(arguments, with_spans=False)
    # Nothing is read yet: what is wrong with the names is told before the model is loaded.
    read_records(arguments.sources, options)
    facts = _fact_reader(arguments) if arguments.facts else None
    output_format = arguments.to
    if facts is None:
        output_format = output_format or written_format(arguments.output, predictions=True)
    predictor = BatchPredictor.from_pretrained(
        arguments.model, device=arguments.device, batch_tokens=arguments.batch_tokens
    )
    ledger = predict_files(
        predictor,
        arguments.sources,
        arguments.output,
        options,
        output_format=output_format,
        progress=_show_progress,
        model=model_hash(arguments.model),
        facts=facts,
    )
    if facts is not None:
        _show_counts(facts.counts)
    if not ledger.reports:
        print("no report in the input, so there is no prediction", file=sys.stderr)
    return tell(ledger)


def _fact_reader(arguments: argparse.Namespace) -> "FactReader":
    from inference.actors import load_actors
    from inference.facts import FactReader, check_output

    if arguments.to is not None:
        raise UserError("--to and --facts: the name of the output tells how facts are written")
    check_output(arguments.output)
    return FactReader(load_actors(arguments.actors))


def _show_counts(counts: Mapping[tuple[str, str], int]) -> None:
    for (label, how), count in sorted(counts.items()):
        print(f"{label} {how}: {count:,}", file=sys.stderr)


def _show_progress(predictions: Iterator[Report]) -> Iterable[Report]:
    from tqdm import tqdm

    shown: Iterable[Report] = tqdm(predictions, unit=" reports", disable=None)
    return shown


def _add_tokens(commands: CommandParser) -> None:
    command = commands.add(
        "tokens",
        _tokens,
        help="show what a model sees of each report: pieces, their ids and offsets, the words",
        example="--model runs/embedded/model reports.jsonl",
    )
    command.add_argument("--model", type=Path, required=True, help="a model folder")
    command.add_argument("sources", nargs="+", metavar="INPUT", help="a file, a folder, or -")
    add_reading_arguments(command)


def _tokens(arguments: argparse.Namespace) -> int:
    from annotation.formats import read_records
    from annotation.ledger import Ledger
    from inference.model_folder import load_folder_tokenizer
    from inference.pieces import read_pieces

    records = read_records(arguments.sources, reading_options(arguments))
    tokenizer = load_folder_tokenizer(arguments.model)
    ledger = Ledger()
    for report in ledger.sort(records):
        reading = read_pieces(tokenizer, [report.text])[0]
        line = {
            "id": report.id,
            "pieces": tokenizer.convert_ids_to_tokens(reading.ids.tolist()),
            "ids": reading.ids.tolist(),
            "offsets": reading.offsets.tolist(),
            "words": reading.words,
        }
        print(json.dumps(line, ensure_ascii=False))
    return tell(ledger)


def _add_serve(commands: CommandParser) -> None:
    command = commands.add(
        "serve",
        _serve,
        help="answer Label Studio and other programs over HTTP with the spans that a model finds",
        example="--model runs/embedded/model --port 9090",
    )
    command.add_argument("--model", type=Path, required=True, help="a model folder")
    command.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    command.add_argument(
        "--port", type=int, default=9090, help="0 takes a free one (default: %(default)s)"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    command.add_argument(
        "--batch-tokens", type=int, metavar="N", help="pieces a batch, padding counted"
    )
    command.add_argument(
        "--request-bytes",
        type=int,
        default=16 << 20,
        metavar="N",
        help="larger requests are answered with 413 (default: %(default)s)",
    )
    command.add_argument(
        "--queue-characters",
        type=int,
        default=10_000_000,
        metavar="N",
        help="what would make more wait is answered with 429 (default: %(default)s)",
    )
    command.add_argument(
        "--on-webhook",
        metavar="COMMAND",
        help="started when Label Studio calls /webhook with the header X-Rasd-Webhook-Secret",
    )
    command.add_argument_group(
        "who may call (from the environment alone)",
        "RASD_SERVE_USER and RASD_SERVE_PASSWORD: what Label Studio sends, and /v1 takes too. "
        "RASD_SERVE_TOKEN: a bearer token for /v1. RASD_SERVE_WEBHOOK_SECRET: for --on-webhook. "
        "With none of them the server is open, and serves this machine alone.",
    )


def _serve(arguments: argparse.Namespace) -> int:
    try:
        from inference.server.serving import ServerSettings, serve
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "prometheus_client"):
            raise
        raise UserError(
            f"serving needs {error.name}, which comes with pip install 'rasd[serve]'"
        ) from None
    from inference.server.access import Credentials

    settings = ServerSettings(
        host=arguments.host,
        port=arguments.port,
        request_bytes=arguments.request_bytes,
        queue_characters=arguments.queue_characters,
        on_webhook=arguments.on_webhook,
    )
    finished = serve(
        arguments.model,
        settings,
        Credentials.from_environment(os.environ),
        device=arguments.device,
        batch_tokens=arguments.batch_tokens,
    )
    return 0 if finished else 1


def _add_facts(commands: CommandParser) -> None:
    command = commands.add(
        "facts",
        _facts,
        help="say of each span which party, name or number it is, and on what that rests",
        example="reports.jsonl --predictions predictions.jsonl --output facts.jsonl",
    )
    command.add_argument("sources", nargs="+", metavar="REPORTS", help="a file, a folder, or -")
    command.add_argument(
        "--predictions",
        metavar="FILE",
        help="take the spans of this file, by id (default: those that the reports have)",
    )
    _add_actors(command)
    command.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="a .jsonl file or - for reports with facts on every span; "
        ".csv, .parquet or .geojson for a row a statement",
    )
    add_reading_arguments(command)


def _facts(arguments: argparse.Namespace) -> int:
    from inference.facts import write_facts

    ledger, counts = write_facts(
        arguments.sources,
        arguments.output,
        reading_options(arguments),
        predictions=arguments.predictions,
        actors=arguments.actors,
    )
    _show_counts(counts)
    return tell(ledger)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())

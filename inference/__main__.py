"""The commands of this room: `python -m inference COMMAND …`."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from inference.precisions import PRECISION_HELP, PRECISIONS

if TYPE_CHECKING:
    from inference.facts import FactReader
    from inference.sharded.facts_file import FactsFile


def build_parser() -> CommandParser:
    """All commands of this room."""
    commands = CommandParser("inference", "Run a fitted model over reports.")
    _add_predict(commands)
    _add_tokens(commands)
    _add_serve(commands)
    _add_prepare(commands)
    _add_benchmark(commands)
    _add_label_studio(commands)
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
    command.add_argument("--precision", choices=PRECISIONS, default="exact", help=PRECISION_HELP)
    command.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help="pieces a batch, padding counted; less needs less memory",
    )
    _add_least_score(command)
    command.add_argument(
        "--review-below",
        type=float,
        metavar="T",
        help="list what a person should look at in OUTPUT.review.jsonl: reports with spans that "
        "score less than T, and without a span where one may be missed (of a long run: in "
        "OUTPUT/review.jsonl)",
    )
    command.add_argument(
        "--facts",
        action="store_true",
        help="write what the spans say, as the command facts does (.jsonl or rows); of a long run "
        "beside the shards",
    )
    _add_tables(command)
    add_writing_arguments(command)
    add_reading_arguments(command)
    _add_shards(command)


def _add_least_score(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--least-score",
        type=float,
        metavar="T",
        help="leave spans that score less out of the spans, into the report's field left_out; 0 "
        "gives them all (default: what lifted F1 most when the model was calibrated)",
    )


def _add_shards(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "long runs",
        "An --output that ends in / is a folder that shards are written into. Stopped at any "
        "moment, the same command goes on where it was.",
    )
    group.add_argument(
        "--shard-bytes",
        type=int,
        default=4 << 20,
        metavar="N",
        help="about how much of the input a shard holds (default: %(default)s)",
    )
    group.add_argument(
        "--facts-file",
        metavar="NAME",
        help="with --facts: the file in the folder that gets them (default: rows.parquet)",
    )
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray shares the shards among many processes or machines (default: %(default)s)",
    )
    group.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="a cluster that this machine is part of, such as auto (default: one of its own)",
    )
    group.add_argument(
        "--ray-workers",
        type=int,
        metavar="N",
        help="how many predict at once (default: one for each GPU, else for each --ray-cpus)",
    )
    group.add_argument(
        "--ray-cpus",
        type=int,
        default=1,
        metavar="N",
        help="processors of each worker (default: %(default)s)",
    )


def _add_tables(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--actors",
        default="configs/actors.csv",
        metavar="FILE",
        help="the table of known parties (default: %(default)s)",
    )
    command.add_argument(
        "--places",
        action="append",
        metavar="FILE",
        help="a gazetteer, CSV or GeoNames' format; repeat it for several, the most trusted first "
        "(default: configs/places.csv)",
    )


def _predict(arguments: argparse.Namespace) -> int:
    if arguments.output.endswith("/"):
        return _predict_shards(arguments)
    if arguments.engine != "local":
        raise UserError(f"--engine {arguments.engine} writes shards: end --output with a /")
    if arguments.facts_file is not None:
        raise UserError("--facts-file is a file beside shards: end --output with a /")
    from annotation.formats import read_records
    from annotation.formats.writing import written_format
    from inference.memory import load_guarded
    from inference.model_folder import model_hash
    from inference.predict import predict_files
    from inference.review import ReviewList

    options = reading_options(arguments, with_spans=False)
    below = arguments.review_below
    review = None if below is None else ReviewList(arguments.output, below)
    # Nothing is read yet: what is wrong with the names is told before the model is loaded.
    read_records(arguments.sources, options)
    output_format = arguments.to
    if not arguments.facts:
        output_format = output_format or written_format(arguments.output, predictions=True)
    with _fact_reader(arguments) as facts:
        predictor = load_guarded(
            arguments.model,
            device=arguments.device,
            precision=arguments.precision,
            batch_tokens=arguments.batch_tokens,
            least_score=arguments.least_score,
        )
        ledger = predict_files(
            predictor,
            arguments.sources,
            arguments.output,
            options,
            output_format=output_format,
            progress=_show_progress,
            model=model_hash(arguments.model),
            review=review,
            facts=facts,
        )
    if not ledger.reports:
        print("no report in the input, so there is no prediction", file=sys.stderr)
    if facts is not None:
        _show_counts(facts.counts)
    if review is not None:
        print("\n".join(review.counts.describe(review.path)), file=sys.stderr)
    return tell(ledger)


def _predict_shards(arguments: argparse.Namespace) -> int:
    from inference.model_folder import choose_device
    from inference.sharded.folder import REVIEW
    from inference.sharded.run import predict_here, predict_to_folder
    from inference.sharded.settings import ModelOfRun, RunSettings

    if arguments.engine == "ray":
        predict_shards = _ray_runner(arguments)
        device = arguments.device
        if device not in ("cpu", "cuda"):
            device = choose_device(device).type
    else:
        predict_shards = predict_here
        device = str(choose_device(arguments.device))
    with _facts_file(arguments) as facts:
        done = predict_to_folder(
            ModelOfRun.of(
                arguments.model,
                device,
                arguments.batch_tokens,
                arguments.precision,
                arguments.least_score,
            ),
            arguments.sources,
            Path(arguments.output),
            RunSettings(
                reading_options(arguments, with_spans=False),
                arguments.to or "predictions",
                arguments.shard_bytes,
                arguments.review_below,
            ),
            predict_shards=predict_shards,
            progress=_show_shards,
            facts=facts,
        )
    if not done.ledger.reports:
        print("no report in the input, so there is no prediction", file=sys.stderr)
    if facts is not None:
        _show_counts(facts.reader.counts)
    if done.review is not None:
        path = Path(arguments.output, REVIEW)
        print("\n".join(done.review.describe(path)), file=sys.stderr)
    return max(tell(ledger) for ledger in (done.ledger, done.facts) if ledger is not None)


@contextmanager
def _facts_file(arguments: argparse.Namespace) -> Iterator["FactsFile | None"]:
    """The file beside shards that --facts asks for; None without it."""
    if not arguments.facts:
        if arguments.facts_file is not None:
            raise UserError("--facts-file names the file that --facts writes: give --facts, too")
        yield None
        return
    from annotation.bundled import find_file
    from annotation.files import sha256_of_file
    from inference.facts import open_fact_reader
    from inference.places import PLACES
    from inference.sharded.facts_file import FACTS, FactsFile, check_facts_name

    name = arguments.facts_file or FACTS
    check_facts_name(name)
    places = arguments.places or (PLACES,)
    with open_fact_reader(arguments.actors, places) as reader:
        tables = [
            {"name": table, "sha256": sha256_of_file(find_file(table))}
            for table in (arguments.actors, *places)
        ]
        yield FactsFile(name, reader, tables)


def _ray_runner(arguments: argparse.Namespace) -> Any:
    for name, value in (("workers", arguments.ray_workers), ("cpus", arguments.ray_cpus)):
        if value is not None and value < 1:
            raise UserError(f"--ray-{name} {value}: expected 1 or more")
    try:
        from inference.sharded.on_ray import RayRunner
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "pandas"):
            raise
        raise UserError(
            f"--engine ray needs {error.name}, which comes with pip install 'rasd[ray]'"
        ) from None
    return RayRunner(arguments.ray_address, arguments.ray_workers, arguments.ray_cpus)


def _show_shards(outcomes: Iterator[Any], done: int, total: int) -> Iterable[Any]:
    from tqdm import tqdm

    shown: Iterable[Any] = tqdm(outcomes, unit=" shards", initial=done, total=total, disable=None)
    return shown


def _fact_reader(arguments: argparse.Namespace) -> AbstractContextManager["FactReader | None"]:
    """What --facts reads with; None without it."""
    if not arguments.facts:
        return nullcontext()
    from inference.facts import check_output, open_fact_reader
    from inference.places import PLACES

    if arguments.to is not None:
        raise UserError("--to and --facts: the name of the output tells how facts are written")
    check_output(arguments.output)
    return open_fact_reader(arguments.actors, arguments.places or (PLACES,))


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
    command.add_argument("--precision", choices=PRECISIONS, default="exact", help=PRECISION_HELP)
    command.add_argument(
        "--batch-tokens", type=int, metavar="N", help="pieces a batch, padding counted"
    )
    _add_least_score(command)
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
    with _told_of_the_extra():
        from inference.server.serving import ServerSettings, serve
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
        precision=arguments.precision,
        least_score=arguments.least_score,
        batch_tokens=arguments.batch_tokens,
    )
    return 0 if finished else 1


def _add_prepare(commands: CommandParser) -> None:
    command = commands.add(
        "prepare",
        _prepare,
        help="make the int8 network that --precision fastest runs, and measure what it loses",
        example="--model runs/embedded/model --precision fastest --calibration dev.jsonl "
        "--gold dev.jsonl",
    )
    command.add_argument("--model", type=Path, required=True, help="the model folder to put it in")
    command.add_argument(
        "--precision", choices=("fastest",), default="fastest", help="what to make it for"
    )
    command.add_argument(
        "--calibration",
        nargs="+",
        required=True,
        metavar="FILE",
        help="development reports, whose texts give the ranges of activations",
    )
    command.add_argument(
        "--gold",
        nargs="+",
        default=[],
        metavar="FILE",
        help="annotated reports, for its F1 beside that of exact",
    )
    command.add_argument(
        "--allow-loss",
        action="store_true",
        help="store it though it loses more than 0.3 points of F1",
    )
    add_reading_arguments(command)


def _prepare(arguments: argparse.Namespace) -> int:
    from inference.prepare import prepare_int8

    prepared = prepare_int8(
        arguments.model,
        arguments.calibration,
        arguments.gold,
        reading_options(arguments),
        allow_loss=arguments.allow_loss,
    )
    print("\n".join(prepared.lines()), file=sys.stderr)
    return tell(prepared.ledger)


def _add_benchmark(commands: CommandParser) -> None:
    command = commands.add(
        "benchmark",
        _benchmark,
        help="measure all ways to run a model on this machine, in one run and in turn",
        example="--model runs/embedded/model reports.jsonl --output speed",
    )
    command.add_argument("--model", type=Path, required=True, help="a model folder")
    command.add_argument("sources", nargs="+", metavar="REPORTS", help="a file, or a folder")
    command.add_argument("--output", type=Path, required=True, help="the folder to write into")
    command.add_argument(
        "--repetitions",
        type=int,
        default=5,
        metavar="N",
        help="how often each way has its turn (default: %(default)s)",
    )
    command.add_argument(
        "--only",
        type=lambda names: names.split(","),
        metavar="WAY,WAY,…",
        help="some of the ways alone (default: all that run here)",
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_reading_arguments(command)


def _benchmark(arguments: argparse.Namespace) -> int:
    from inference.benchmark.benchmark import run_benchmark

    result = run_benchmark(
        arguments.model,
        arguments.sources,
        arguments.output,
        reading_options(arguments),
        device=arguments.device,
        repetitions=arguments.repetitions,
        only=arguments.only,
    )
    print("\n".join(result.table()))
    return tell(result.ledger)


@contextmanager
def _told_of_the_extra() -> Iterator[None]:
    """Say in one line which package of the extra `serve` is absent."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "prometheus_client"):
            raise
        raise UserError(
            f"serving needs {error.name}, which comes with pip install 'rasd[serve]'"
        ) from None


def _add_label_studio(commands: CommandParser) -> None:
    command = commands.add(
        "label-studio",
        _label_studio,
        help="start a Label Studio of one's own, with sample reports in which a model found spans",
        example="--model runs/embedded/model",
    )
    command.add_argument("--model", type=Path, required=True, help="a model folder")
    command.add_argument(
        "--data",
        type=Path,
        default=Path(".label-studio"),
        metavar="DIR",
        help="where Label Studio keeps everything; called again it goes on (default: %(default)s)",
    )
    command.add_argument(
        "--port", type=int, default=8080, help="of Label Studio; 0 takes a free one "
        "(default: %(default)s)"
    )  # fmt: skip
    command.add_argument(
        "--backend-port", type=int, default=0, help="of the model's server (default: a free one)"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def _label_studio(arguments: argparse.Namespace) -> int:
    with _told_of_the_extra():
        from inference.label_studio_demo import DemoSettings, running_demo

    settings = DemoSettings(
        model=arguments.model,
        data=arguments.data,
        port=arguments.port,
        backend_port=arguments.backend_port,
        device=arguments.device,
    )
    with running_demo(settings) as demo:
        print("\n".join(demo.describe()), flush=True)
        status = tell(demo.ledger)
        demo.wait()
    print("both servers have ended", file=sys.stderr)
    return status


def _add_facts(commands: CommandParser) -> None:
    command = commands.add(
        "facts",
        _facts,
        help="say of each span which party, place, name or number it is, and on what that rests",
        example="reports.jsonl --predictions predictions.jsonl --output facts.jsonl",
    )
    command.add_argument("sources", nargs="+", metavar="REPORTS", help="a file, a folder, or -")
    command.add_argument(
        "--predictions",
        metavar="FILE",
        help="take the spans of this file, by id (default: those that the reports have)",
    )
    _add_tables(command)
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
    from inference.places import PLACES

    ledger, counts = write_facts(
        arguments.sources,
        arguments.output,
        reading_options(arguments),
        predictions=arguments.predictions,
        actors=arguments.actors,
        places=arguments.places or (PLACES,),
    )
    _show_counts(counts)
    return tell(ledger)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())

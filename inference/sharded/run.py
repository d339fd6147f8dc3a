"""A run into a folder: plan, predict shard by shard, put them in; or go on where one stopped."""

import logging
import shutil
import sqlite3
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from annotation.files import sha256_of_file
from annotation.formats.ids import IdSet
from annotation.formats.reading import check_sources, enter_id
from annotation.formats.source import STANDARD_INPUT, Source
from annotation.formats.stretch_reader import StretchReader
from annotation.ledger import Ledger
from annotation.problems import Repair, UserError
from annotation.report import Report
from inference.calibration import CALIBRATION
from inference.int8 import INT8
from inference.int8 import RECORD as INT8_RECORD
from inference.model_folder import load_folder_tokenizer, model_hash
from inference.provenance import commit, versions
from inference.review import ReviewCounts, review_problems
from inference.sharded.durable import DISK_FULL, DiskFull, explained_writing
from inference.sharded.facts_file import FactsFile, predicted_reports, write_facts_file
from inference.sharded.folder import REJECTED, STDIN, RunFolder
from inference.sharded.lock import locked
from inference.sharded.plan import InputState, Shard, load_pieces, plan_shards
from inference.sharded.settings import ModelOfRun, RunSettings
from inference.sharded.shard import SHARD_FORMATS, ShardOutcome, predict_shard, read_contents

ShardOutcomes = Generator[ShardOutcome, None, None]
Progress = Callable[[ShardOutcomes, int, int], Iterable[ShardOutcome]]
"""Wraps the stream of shards to show how far it is; knows how many are in, and of how many."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderRun:
    """What was made of a run."""

    ledger: Ledger
    """The account of its reports."""
    review: ReviewCounts | None = None
    """How much of it a person should look at, where that was asked for."""
    facts: Ledger | None = None
    """The account of what its spans say, where that was asked for."""


class ShardRunner(Protocol):
    """Who predicts the shards of a run."""

    def __call__(
        self, model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings
    ) -> ShardOutcomes:
        """The outcomes in the order of the shards. Raises UserError."""
        ...


def predict_here(
    model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings
) -> ShardOutcomes:
    """A ShardRunner: one after the other in this process."""
    predictor = model.load()
    with StretchReader(settings.options) as reader:
        for shard in shards:
            yield predict_shard(predictor, load_pieces(reader, shard.pieces), settings)


def _unwatched(outcomes: ShardOutcomes, done: int, total: int) -> ShardOutcomes:
    return outcomes


def predict_to_folder(
    model: ModelOfRun,
    sources: Sequence[str],
    folder: Path,
    settings: RunSettings,
    *,
    predict_shards: ShardRunner = predict_here,
    progress: Progress = _unwatched,
    facts: FactsFile | None = None,
) -> FolderRun:
    """Predict every report of `sources` into the shards of `folder`, in their order.

    Called again after it was stopped, at whatever moment, it goes on; the folder then holds the
    bytes that it would hold without the stop. With `facts` it is given their file at last, a run
    that is finished too. Raises UserError for a folder of another run, for inputs that have
    changed, and where the disk is full.
    """
    _check_settings(settings)
    # What is wrong with names is told before anything is read.
    found, left_out = check_sources(sources, settings.options)
    _check_places(sources, folder)
    load_folder_tokenizer(model.folder)
    with locked(folder), _standard_input_kept(found, folder) as found:
        inputs = [InputState.of(source) for source in found]
        shards = plan_shards(found, settings)
        run = RunFolder(folder, _describe(model, inputs, settings), shards)
        ledger = Ledger()
        ledger.listed_in = folder / REJECTED
        for repair in left_out:
            ledger.enter(repair)
        for rejection in run.rejections():
            ledger.enter(rejection)
        ledger.reports = sum(line["reports"] for line in run.shards_in)
        of_facts = None
        with _stopping_clearly(run):
            if run.finished:
                nothing = "; nothing was written" if facts is None else ""
                log.info("%s: this run is done already%s", folder, nothing)
            else:
                outcomes = predict_shards(model, shards[len(run.shards_in) :], settings)
                with closing(outcomes):
                    _put_in_all(run, shards, inputs, outcomes, progress, settings, ledger)
            if facts is not None:
                reports = predicted_reports(folder, shards, inputs, settings.options)
                of_facts = write_facts_file(facts, folder, reports)
        return FolderRun(ledger, run.review(), of_facts)


def _put_in_all(
    run: RunFolder,
    shards: Sequence[Shard],
    inputs: Iterable[InputState],
    outcomes: ShardOutcomes,
    progress: Progress,
    settings: RunSettings,
    ledger: Ledger,
) -> None:
    """Put in the shards that are not in yet; `outcomes` are theirs."""
    ids = IdSet()
    state_of = {one.source: one for one in inputs}
    done = len(run.shards_in)
    if done:
        log.info("%s: going on behind shard %d of %d", run.path, done, len(shards))
        _meet_again(shards[:done], settings, ids, ledger)
    if not run.is_whole:
        watched = progress(outcomes, done, len(shards))
        for shard, outcome in zip(shards[done:], watched, strict=True):
            for source in {piece.source for piece in shard.pieces}:
                state_of[source].check_unchanged()
            run.put_in(shard, outcome, ids, ledger)
    run.finish(ledger)


@contextmanager
def _stopping_clearly(run: RunFolder) -> Iterator[None]:
    """Tell of a full disk how far the run is, and how it goes on."""
    try:
        yield
    except (DiskFull, OSError, sqlite3.OperationalError) as error:
        where = ""
        if isinstance(error, sqlite3.OperationalError):
            where = "the folder for temporary files: "
        elif isinstance(error, OSError):
            if error.errno not in DISK_FULL:
                raise
            where = f"{run.path}, or the folder for temporary files: "
        said = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{where}{said}; {len(run.shards_in)} of {run.shard_count} shards are done: "
            "make room, then give the same command again to go on"
        ) from None


def _meet_again(shards: Sequence[Shard], settings: RunSettings, ids: IdSet, ledger: Ledger) -> None:
    """Read the shards that are in once more: which ids they hold, and what was repaired in them.

    That costs little beside predicting them, and keeps no further state that could be wrong.
    """
    with StretchReader(settings.options) as reader:
        for shard in shards:
            contents = load_pieces(reader, shard.pieces)
            for file, line, record in read_contents(contents, settings.options):
                if isinstance(record, Report):
                    enter_id(ids, file, line, record.id)
                elif isinstance(record, Repair):
                    ledger.enter(record)


def _describe(
    model: ModelOfRun, inputs: Sequence[InputState], settings: RunSettings
) -> dict[str, Any]:
    """All that decides the bytes of a run. Not how many processes share the work."""
    options = settings.options
    return {
        "model": model_hash(model.folder),
        "precision": model.precision,
        # Beside the weights there is what was made of them: spans and scores follow from it too.
        "prepared": _hash_if_there(model.folder / INT8 / INT8_RECORD)
        if model.precision == "fastest"
        else None,
        "calibration": _hash_if_there(model.folder / CALIBRATION),
        "settings": {
            # Where none is given, the calibration's.
            "least_score": model.least_score,
            "device": model.device_type,
            "batch_tokens": model.batch_tokens,
            "shard_bytes": settings.shard_bytes,
            "review_below": settings.review_below,
            "to": settings.output_format,
            "from": options.format,
            "text_column": options.text_column,
            "id_column": options.id_column,
            "encoding": options.encoding,
        },
        "versions": versions(),
        "commit": commit(),
        "inputs": [{"name": one.source.name, "sha256": one.sha256} for one in inputs],
    }


def _hash_if_there(path: Path) -> str | None:
    return sha256_of_file(path) if path.is_file() else None


def _check_settings(settings: RunSettings) -> None:
    problems = []
    if settings.output_format not in SHARD_FORMATS:
        expected = " or ".join(SHARD_FORMATS)
        problems.append(f"--to {settings.output_format}: shards are JSONL; expected {expected}")
    if settings.shard_bytes < 1:
        problems.append(f"--shard-bytes {settings.shard_bytes}: expected 1 or more")
    if settings.review_below is not None:
        problems += review_problems(settings.review_below)
    if problems:
        raise UserError("\n".join(problems))


def _check_places(sources: Sequence[str], folder: Path) -> None:
    """Raise UserError where what is written would be read as well."""
    for name in sources:
        if Path(name).is_dir() and folder.resolve().is_relative_to(Path(name).resolve()):
            raise UserError(
                f"{folder}: lies in the input {name} and would be read with it; "
                "give an --output outside"
            )
    if list(sources).count(STANDARD_INPUT) > 1:
        raise UserError("-: standard input is given twice, expected once")


@contextmanager
def _standard_input_kept(sources: Sequence[Source], folder: Path) -> Iterator[list[Source]]:
    """Standard input as a file, since it is read more than once; other sources as they are.

    The file goes when the run ends or stops: to go on, the same input has to come once more.
    """
    kept = folder / STDIN
    try:
        if any(source.path is None for source in sources):
            log.info(
                "standard input cannot be asked for again: to go on after a stop, "
                "give the same once more"
            )
            with explained_writing(kept), kept.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        yield [source if source.path else replace(source, path=kept) for source in sources]
    finally:
        with suppress(OSError):
            kept.unlink()

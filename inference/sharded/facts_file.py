"""The facts of a run into shards, beside them.

How the names of a run are read depends on all of them: facts are read once the last shard is in,
from the inputs and what the shards have of them. Stopped in the middle, that is done once more.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation.files import sha256_of_file
from annotation.formats.options import ReadOptions
from annotation.formats.stretch_reader import StretchReader
from annotation.ledger import Ledger, read_rejections
from annotation.problems import UserError
from annotation.report import Report, Span
from inference.facts import FactReader, check_output, holds_rows, write_facts_of
from inference.predictor import FOUND_FIELDS
from inference.provenance import commit, versions
from inference.sharded.durable import write_durably
from inference.sharded.folder import MANIFEST, PARTS, REJECTED, REVIEW, part_name
from inference.sharded.plan import InputState, Shard, load_pieces
from inference.sharded.shard import read_contents

FACTS = "rows.parquet"
"""The file of facts where no other name is given."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FactsFile:
    """A file of facts in the folder of a run, and what they are read with."""

    name: str
    reader: FactReader
    """One that has read nothing yet."""
    tables: Sequence[Mapping[str, str]]
    """`name` and `sha256` of the tables that it reads with, in their order."""


def check_facts_name(name: str) -> None:
    """Raise UserError unless facts can be written under this name into the folder of a run."""
    owned = [one.partition(".")[0] for one in (PARTS, REJECTED, REVIEW)]
    if Path(name).name != name or name.startswith((".", *owned)):
        raise UserError(
            f"--facts-file {name}: expected the name of a file in the output's folder that no "
            f"shard and no list there has, such as {FACTS}"
        )
    check_output(name)


def write_facts_file(facts: FactsFile, folder: Path, reports: Iterable[Report]) -> Ledger:
    """Write what the spans of `reports` say into the folder of a finished run.

    The name tells what is written, as of `python -m inference facts`. Beside it comes a record of
    what it was made of: where that stands already, nothing is written.
    """
    path, record_path = folder / facts.name, folder / f"{facts.name}.run.json"
    made_of = {
        "manifest": sha256_of_file(folder / MANIFEST),
        "tables": [dict(table) for table in facts.tables],
        "versions": versions(),
    }
    if _is_made(path, record_path, made_of):
        log.info("%s: is made already; nothing was written", path)
        return _ledger_of(path)
    record_path.unlink(missing_ok=True)
    log.info("%s: reading what the spans say", path)
    with Ledger.beside(path) as ledger:
        written = write_facts_of(reports, facts.reader, path, ledger)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    record = {
        **made_of,
        "rows" if holds_rows(path) else "reports": written,
        "rejected": dict(sorted(ledger.rejections.items())),
        "repaired": dict(sorted(ledger.repairs.items())),
        "sha256": sha256_of_file(path),
        "commit": commit(),
    }
    content = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    write_durably(record_path, content.encode())
    return ledger


def _is_made(path: Path, record_path: Path, made_of: Mapping[str, Any]) -> bool:
    try:
        record = json.loads(record_path.read_text("utf-8"))
        same = made_of.items() <= record.items()
        return bool(same and sha256_of_file(path) == record["sha256"])
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return False


def _ledger_of(path: Path) -> Ledger:
    """The account of facts that were made before, as far as it is listed."""
    ledger, listed = Ledger(), Path(f"{path}.rejected.jsonl")
    if listed.exists():
        for rejection in read_rejections(listed):
            ledger.enter(rejection)
        ledger.listed_in = listed
    return ledger


def predicted_reports(
    folder: Path, shards: Sequence[Shard], inputs: Iterable[InputState], options: ReadOptions
) -> Iterator[Report]:
    """The reports of a finished run, in their order, with what was found in them.

    Those that were set aside are left out. Raises UserError for an input that has changed.
    """
    state_of = {one.source: one for one in inputs}
    with StretchReader(options) as reader:
        for shard in shards:
            found = _found_in(folder / part_name(shard.number))
            contents = load_pieces(reader, shard.pieces)
            for _, _, record in read_contents(contents, options):
                # Of several reports with one id the first has the prediction.
                line = found.pop(record.id, None) if isinstance(record, Report) else None
                if isinstance(record, Report) and line is not None:
                    yield _with_found(record, line)
            for source in {piece.source for piece in shard.pieces}:
                state_of[source].check_unchanged()
            if found:
                raise RuntimeError(f"{part_name(shard.number)} has reports that its inputs lack")


def _found_in(part: Path) -> dict[str, dict[str, Any]]:
    """The lines of a shard by their ids."""
    lines = (json.loads(line) for line in part.read_bytes().splitlines())
    return {line["id"]: line for line in lines}


def _with_found(report: Report, line: Mapping[str, Any]) -> Report:
    spans = [Span(s["start"], s["end"], s["label"], s.get("score")) for s in line["spans"]]
    found = {key: line[key] for key in FOUND_FIELDS if key in line}
    fields = {key: report.fields[key] for key in report.fields if key not in FOUND_FIELDS}
    return replace(report, spans=tuple(spans), fields=fields | found)

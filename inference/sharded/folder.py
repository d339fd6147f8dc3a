"""The folder of a run: shards that appear in their order, and what is known of them after a crash.

    manifest.json     what the run is, and at its end what is in it; written first and last
    part-00000.jsonl  a shard
    rejected.jsonl    what was set aside, in the order of the inputs
    review.jsonl      what a person should look at, where that was asked for, with its predictions
    .shards.jsonl     while the run goes on: a line for each shard that is in

A shard is in once its line stands in `.shards.jsonl`; each step before it is on the disk by then.
Whatever stands in the folder beyond the shards that are in was left by a crash, and is taken off.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.files import UNFINISHED, sha256_of_file
from annotation.formats.ids import IdSet
from annotation.formats.reading import enter_id
from annotation.ledger import Ledger, read_rejections, rejection_to_line
from annotation.problems import Rejection, Repair, UserError
from inference.review import ReviewCounts, review_files
from inference.sharded.durable import PARTIAL, append_durably, truncate_durably, write_durably
from inference.sharded.lock import LOCK
from inference.sharded.plan import Shard
from inference.sharded.shard import Listed, ShardOutcome

MANIFEST = "manifest.json"
REJECTED = "rejected.jsonl"
REVIEW = "review.jsonl"
PARTS = "part-"
"""What the names of shards begin with."""
PROGRESS = ".shards.jsonl"
STDIN = ".stdin"

Json = dict[str, Any]

log = logging.getLogger(__name__)


class RunFolder:
    """The folder of one run, which must be locked. Opening it takes off what a crash left.

    `description` is what decides the bytes of the run: model, settings, inputs. Raises UserError
    for a folder of another run, and for one that holds other things.
    """

    def __init__(self, path: Path, description: Json, shards: Sequence[Shard]) -> None:
        self.path = path
        self._shards = shards
        self._progress = path / PROGRESS
        self._rejected = path / REJECTED
        self._below: float | None = description["settings"]["review_below"]
        self.review_path, self._review_predictions, self._review_run = review_files(path / REVIEW)
        self.shards_in: list[Json] = []
        """What the manifest tells of each shard that is in."""
        manifest = self._read_manifest()
        for ending in (PARTIAL, UNFINISHED):
            for partial in path.glob(f"*{ending}"):
                partial.unlink()
        if manifest is None:
            self._description = description
            write_durably(path / MANIFEST, _json_bytes({**description, "finished": False}))
        else:
            check_same_run(path, manifest, description)
            # The commit may be another one: the one that began the run is kept.
            self._description = {**description, "commit": manifest.get("commit")}
            self._take_up(manifest)
        self.finished = (
            manifest is not None
            and manifest["finished"]
            and self.is_whole
            and (self._below is None or self._review_run.is_file())
        )

    @property
    def shard_count(self) -> int:
        """How many shards it will have."""
        return len(self._shards)

    @property
    def is_whole(self) -> bool:
        """Whether all shards are in."""
        return len(self.shards_in) == len(self._shards)

    def _read_manifest(self) -> Json | None:
        path = self.path / MANIFEST
        if not path.exists():
            own = {LOCK, STDIN, MANIFEST + PARTIAL}
            others = sorted(one.name for one in self.path.iterdir() if one.name not in own)
            if others:
                named = ", ".join(others[:3]) + (", …" if others[3:] else "")
                raise UserError(
                    f"{self.path}: holds {named} but no {MANIFEST}; "
                    "expected an empty folder, or one of a run"
                )
            return None
        try:
            manifest = json.loads(path.read_text("utf-8"))
            if not isinstance(manifest["finished"], bool):
                raise ValueError("finished is neither true nor false")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{path}: not the manifest of a run ({type(error).__name__}: {error}); "
                "give another --output, or remove the folder and begin again"
            ) from None
        return dict(manifest)

    def _take_up(self, manifest: Json) -> None:
        """Find the shards that are in and unharmed, and take off all else."""
        told = manifest.get("shards", []) if manifest["finished"] else self._read_progress()
        for shard, line in zip(self._shards, told, strict=False):
            try:
                problem = self._problem_of(shard, line)
            except (KeyError, TypeError, AttributeError):
                problem = f"what is told of {part_name(shard.number)} is not whole"
            if problem:
                log.warning("%s: %s; going on from there", self.path, problem)
                break
            self.shards_in.append(line)
        if manifest["finished"] and self.is_whole:
            self._remove(PROGRESS)
            return
        kept = "".join(_json_line(line) for line in self.shards_in)
        write_durably(self._progress, kept.encode())
        if manifest["finished"]:
            unfinished = {**self._description, "finished": False}
            write_durably(self.path / MANIFEST, _json_bytes(unfinished))
        kept_bytes = self._bytes_in()
        for name in self._lists:
            truncate_durably(self.path / name, kept_bytes.get(name, 0))
        expected = {line["file"] for line in self.shards_in}
        for path in self.path.glob(f"{PARTS}*.jsonl"):
            if path.name not in expected:
                path.unlink()

    def _read_progress(self) -> list[Json]:
        """The whole lines; the last one may be cut."""
        if not self._progress.exists():
            return []
        lines = []
        for line in self._progress.read_bytes().split(b"\n")[:-1]:
            try:
                lines.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                break
        return lines

    def _problem_of(self, shard: Shard, line: Json) -> str | None:
        name = part_name(shard.number)
        if line.get("file") != name or line.get("begins") != shard.begins:
            return f"{name} was cut elsewhere in the inputs"
        path = self.path / name
        if not path.is_file() or sha256_of_file(path) != line["sha256"]:
            return f"{name} is missing or was changed since it was written"
        for file, size in _bytes_of_lists(line).items():
            listed = self.path / file
            if (listed.stat().st_size if listed.exists() else 0) < size:
                what = "set aside" if file == REJECTED else "listed"
                return f"{file} lost what was {what} of {name}"
        return None

    @property
    def _lists(self) -> list[str]:
        """The files that grow from shard to shard."""
        of_review = () if self._below is None else (self.review_path, self._review_predictions)
        return [REJECTED, *(path.name for path in of_review)]

    def _bytes_in(self) -> dict[str, int]:
        """How long each of the lists is with the shards that are in."""
        return _bytes_of_lists(self.shards_in[-1]) if self.shards_in else {}

    def rejections(self) -> Iterator[Rejection]:
        """What was set aside of the shards that are in."""
        size = self._bytes_in().get(REJECTED, 0)
        if size:
            yield from read_rejections(self._rejected, size)

    def review(self) -> ReviewCounts | None:
        """How much of the shards that are in is listed to be looked at; None where nothing is."""
        if self._below is None:
            return None
        counts = ReviewCounts(self._below, self._description["calibration"] is not None)
        for line in self.shards_in:
            counts.reports += line["review"]["reports"]
            counts.spans += line["review"]["spans"]
            counts.without_spans += line["review"]["without_spans"]
        return counts

    def put_in(self, shard: Shard, outcome: ShardOutcome, ids: IdSet, ledger: Ledger) -> None:
        """Put the next shard in. Reports whose id was met before are set aside here.

        Raises UserError where it cannot be written; the folder can be taken up again.
        """
        lines: list[str] = []
        listed: list[Listed] = []
        rejections: list[Rejection] = []
        repairs: Counter[str] = Counter()
        reports = 0
        for one in outcome:
            if isinstance(one, Rejection):
                rejections.append(one)
            elif isinstance(one, Repair):
                repairs[one.kind] += 1
                ledger.enter(one)
            elif repeated := enter_id(ids, one.file, one.line, one.id):
                rejections.append(repeated)
            else:
                reports += 1
                if one.prediction is None:
                    message = one.failure
                    rejections.append(Rejection(one.file, one.line, one.id, "model_error", message))
                else:
                    lines.append(one.prediction)
                    if one.listed is not None:
                        listed.append(one.listed)
        name = part_name(shard.number)
        content = _lines_to_bytes(lines)
        write_durably(self.path / name, content)
        added = {REJECTED: "".join(map(rejection_to_line, rejections)).encode()}
        if self._below is not None:
            added[self.review_path.name] = _lines_to_bytes(one.report for one in listed)
            added[self._review_predictions.name] = _lines_to_bytes(one.prediction for one in listed)
        for file, more in added.items():
            if more:
                append_durably(self.path / file, more)
        before = self._bytes_in()
        sizes = {file: before.get(file, 0) + len(more) for file, more in added.items()}
        line = {
            "file": name,
            "begins": shard.begins,
            "reports": reports,
            "predicted": len(lines),
            "rejected": dict(Counter(rejection.reason for rejection in rejections)),
            "repaired": dict(repairs),
            "sha256": hashlib.sha256(content).hexdigest(),
            "rejected_bytes": sizes.pop(REJECTED),
        }
        if self._below is not None:
            line["review"] = {
                "reports": len(listed),
                "spans": sum(one.spans for one in listed),
                "without_spans": sum(one.without_spans for one in listed),
                "bytes": sizes,
            }
        append_durably(self._progress, _json_line(line).encode())
        self.shards_in.append(line)
        ledger.reports += reports
        for rejection in rejections:
            ledger.enter(rejection)

    def finish(self, ledger: Ledger) -> None:
        """Write what is in the folder, once all shards are."""
        result: Json = {
            "finished": True,
            "reports": ledger.reports,
            "predicted": sum(line["predicted"] for line in self.shards_in),
            "rejected": dict(sorted(ledger.rejections.items())),
            "repaired": dict(sorted(ledger.repairs.items())),
        }
        review = self.review()
        if review is not None:
            result["review"] = review.to_json()
            for path in (self.review_path, self._review_predictions):
                if not path.exists():
                    write_durably(path, b"")
            # Whoever pushes the list's predictions has to know the model that they are of.
            write_durably(self._review_run, _json_bytes({**self._description, **result}))
        result["shards"] = self.shards_in
        write_durably(self.path / MANIFEST, _json_bytes({**self._description, **result}))
        self._remove(PROGRESS)
        self.finished = True

    def _remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)


def _bytes_of_lists(line: Mapping[str, Any]) -> dict[str, int]:
    """How long each list is with a shard; what is told of the shard says so."""
    of_review = line["review"]["bytes"] if "review" in line else {}
    return {REJECTED: line["rejected_bytes"], **of_review}


def part_name(number: int) -> str:
    """The file of a shard."""
    return f"{PARTS}{number:05}.jsonl"


def check_same_run(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UserError that names all that differs between a folder's run and the one wanted."""
    differing = [
        f"{path}: holds a run with another {what}"
        for key in now
        if key not in ("commit", "inputs")
        for what in _differing(key, then.get(key), now[key])
    ]
    differing += [f"{path}: {what}" for what in _differing_inputs(then, now)]
    if differing:
        last = "expected the same as then; give another --output, or remove the folder"
        raise UserError("\n".join([*differing, f"{path}: {last}"]))


def _differing(name: str, then: object, now: object) -> list[str]:
    if isinstance(now, Mapping):
        before: Mapping[str, Any] = then if isinstance(then, Mapping) else {}
        keys = dict.fromkeys([*now, *before])
        return [
            what for key in keys for what in _differing(str(key), before.get(key), now.get(key))
        ]
    if then == now:
        return []
    return [f"{name.replace('_', ' ')}: {_shown(then)} then, {_shown(now)} now"]


def _shown(value: object) -> str:
    if value is None:
        return "none"
    text = str(value)
    # A hash: its beginning tells it apart.
    return f"{text[:12]}…" if len(text) == 64 else text


def _differing_inputs(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    before = {one["name"]: one["sha256"] for one in then.get("inputs") or ()}
    after = {one["name"]: one["sha256"] for one in now["inputs"]}
    told = [f"input {name} was not among its inputs" for name in after if name not in before]
    told += [f"its input {name} is not given now" for name in before if name not in after]
    told += [
        f"input {name} was changed since the run began"
        for name, sha256 in after.items()
        if name in before and before[name] != sha256
    ]
    if not told and list(before) != list(after):
        told = ["its inputs were given in another order"]
    elif not told and len(then.get("inputs") or ()) != len(now["inputs"]):
        told = ["an input was given another number of times"]
    shown = told[:5]
    return shown + ([f"and {len(told) - 5} more inputs differ"] if told[5:] else [])


def _lines_to_bytes(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _json_line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _json_bytes(value: Json) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()

"""Keeps the account of an input: what was read, set aside and repaired, told once at the end."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from annotation.problems import Rejection, Repair, UserError
from annotation.report import Report

Record = Report | Rejection | Repair
"""What a reader yields, in the order of the input."""

_EXAMPLES = 5


def rejection_to_line(rejection: Rejection) -> str:
    """The line of a list of what was set aside."""
    line = json.dumps(rejection.to_json(), ensure_ascii=False)
    # A lone surrogate in an id cannot be written as UTF-8; JSON's own escape can say it.
    return line.encode("utf-8", "backslashreplace").decode() + "\n"


def read_rejections(path: Path, size: int | None = None) -> Iterator[Rejection]:
    """What a list of `rejection_to_line` names, in its order; with `size`, in its first bytes."""
    with path.open("rb") as stream:
        while (size is None or stream.tell() < size) and (line := stream.readline()):
            yield Rejection(**json.loads(line))


class Ledger:
    """Sorts a reader's records: reports go on, everything else is counted, named and kept.

    With `rejected_path` every rejection is also written there, a JSON line each; the file is made
    with the first one, and a stale one of an earlier run is removed. Use as a context manager.
    """

    def __init__(self, rejected_path: Path | None = None) -> None:
        self.reports = 0
        self.rejections: Counter[str] = Counter()
        self.repairs: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self.listed_in = rejected_path
        """Where the summary sends who wants to see all that was set aside."""
        self._rejected_path = rejected_path
        self._rejected_file: IO[str] | None = None
        if rejected_path is not None:
            rejected_path.unlink(missing_ok=True)

    @classmethod
    def beside(cls, output: str | Path) -> "Ledger":
        """The ledger of what goes to `output`; beside standard output (`-`) there is no list."""
        return cls(None if str(output) == "-" else Path(f"{output}.rejected.jsonl"))

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rejected_file is not None:
            self._rejected_file.close()
            self._rejected_file = None
        # Nothing was done: neither is there a list of what was set aside.
        if isinstance(error, UserError) and self._rejected_path is not None:
            self._rejected_path.unlink(missing_ok=True)

    def sort(self, records: Iterable[Record]) -> Iterator[Report]:
        """Let the reports through and enter all else."""
        for record in records:
            if isinstance(record, Report):
                self.reports += 1
                yield record
            else:
                self.enter(record)

    def enter(self, record: Rejection | Repair) -> None:
        """Count one rejection or repair and keep it."""
        key: str
        if isinstance(record, Rejection):
            key = record.reason
            self.rejections[key] += 1
            self._write(record)
        else:
            key = record.kind
            self.repairs[key] += 1
        examples = self._examples.setdefault(key, [])
        if len(examples) < _EXAMPLES:
            examples.append(str(record))

    def _write(self, rejection: Rejection) -> None:
        if self._rejected_path is None:
            return
        if self._rejected_file is None:
            self._rejected_path.parent.mkdir(parents=True, exist_ok=True)
            self._rejected_file = self._rejected_path.open("w", encoding="utf-8")
        self._rejected_file.write(rejection_to_line(rejection))
        self._rejected_file.flush()

    @property
    def rejected(self) -> int:
        """How many were set aside."""
        return self.rejections.total()

    @property
    def exit_status(self) -> int:
        """0 when nothing was set aside, else 1."""
        return 1 if self.rejected else 0

    def summary(self) -> list[str]:
        """One line for each kind of event, with its first examples below it."""
        lines = []
        for title, counter in (("set aside", self.rejections), ("repaired", self.repairs)):
            for key, count in counter.most_common():
                lines.append(f"{title}: {count} × {key}")
                lines.extend(f"  {example}" for example in self._examples[key])
                if count > len(self._examples[key]):
                    lines.append(f"  … and {count - len(self._examples[key])} more")
        if self.rejected and self.listed_in is not None:
            lines.append(f"all {self.rejected} set aside are listed in {self.listed_in}")
        return lines

"""What can be wrong with an input, and how it is told.

Three kinds, by what becomes of the input: a `UserError` stops a command before it did anything, a
`Rejection` sets one report aside and lets its neighbours go on, a `Repair` keeps the report and
says what was changed or left out.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Reason = Literal[
    "bad_json",
    "not_utf8",
    "lone_surrogate",
    "no_text",
    "duplicate_id",
    "bad_span",
    "other_text",
    "unreadable",
    "model_error",
    "refused",
    "bad_place",
]


class UserError(Exception):
    """Nothing was done, and the user can mend it: one line that says what, where and how.

    Several problems of one input are told at once, one a line.
    """


@dataclass(frozen=True, slots=True)
class Rejection:
    """A report (or a whole file, `line` None) that was set aside, and why."""

    file: str
    line: int | None
    id: str | None
    reason: Reason
    message: str

    def to_json(self) -> dict[str, Any]:
        """The line of `OUT.rejected.jsonl`."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{place(self.file, self.line, self.id)}: {self.reason}: {self.message}"


@dataclass(frozen=True, slots=True)
class Repair:
    """A report that was kept, and what was changed or left out to keep it.

    `kind` is a short noun phrase that repairs are counted by ("UTF-16 offsets converted").
    """

    file: str
    line: int | None
    id: str | None
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{place(self.file, self.line, self.id)}: {self.kind}: {self.message}"


def place(file: str, line: int | None, report_id: str | None) -> str:
    """`FILE:LINE (ID)`, with what is known of it."""
    where = file if line is None else f"{file}:{line}"
    if report_id is None or report_id == where:
        return where
    return f"{where} ({report_id})" if where else report_id

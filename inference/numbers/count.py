"""The type of a number that was read."""

from dataclasses import dataclass
from typing import Literal

Bound = Literal["exact", "at_least", "at_most", "about", "range", "vague"]
What = Literal[
    "killed",
    "injured",
    "detained",
    "kidnapped",
    "missing",
    "displaced",
    "released",
    "returned",
    "people",
    "families",
    "attacks",
    "operations",
    "strikes",
    "shells",
    "weapons",
    "vehicles",
    "buildings",
    "other",
]


@dataclass(frozen=True, slots=True)
class Count:
    """A number behind a span, or the `reason` why there is none.

    | `bound` | `value`, `minimum`, `maximum` |
    | --- | --- |
    | exact | N, N, N |
    | at_least | N, N, None |
    | at_most | N, None, N |
    | about | N, None, None |
    | range, vague | None, low, high |

    All fields but `reason` are None where it says why the span could not be read.
    """

    value: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    bound: Bound | None = None
    counted: str | None = None
    """The noun, bare of case ending and clitics; of a dual, the singular."""
    what: What | None = None
    """`people` are those of whom nothing else is told, `other` is all that no other kind holds."""
    reason: str | None = None

"""The types of a statement and of what is tied in it."""

import datetime
from dataclasses import dataclass
from typing import Literal

from annotation.report import Span

Rule = Literal[
    "agent",
    "subject",
    "deed",
    "speaker",
    "carried",
    "member",
    "losses",
    "target",
    "counted",
    "clause",
    "heading",
    "sentence",
    "previous",
    "part",
]
"""What tied a span to a number:

- `agent`: على يد, من قبل, برصاص and the like name who did it;
- `subject`: of the nearest verb, or of the verbal noun that has its place;
- `deed`: of a shelling, raid, attack or operation told with the number;
- `speaker`: who announces a deed of its own (أعلنت قسد اعتقال خمسة);
- `carried`: of an earlier verb of the sentence, since the nearest has no subject of its own;
- `member`: the counted are of this party, or its property;
- `losses`: a party that lost the counted, or whose dead they are;
- `target`: against whom or whose positions;
- `counted`: those who are counted underwent it;
- `clause`: the same clause; `sentence`: another clause of the sentence; `heading`: the head of the
  line, or of the list it stands in; `previous`: the sentence before;
- `part`: tied to the number that this one is a part of.
"""

DayRule = Literal["told", "relative", "report"]
"""`told` by the text; `relative`: reckoned from the report's date; `report`: that date itself."""


@dataclass(frozen=True, slots=True)
class Party:
    """A span that is tied, as what it is shown and known by its id."""

    span: Span
    name: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Tie:
    """What is tied to a number, by which rule, and whether that was guessed."""

    parties: tuple[Party, ...]
    """In the order of the text; a `counted` tie has the COUNT itself."""
    rule: Rule
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The day or the days when it happened."""

    first: datetime.date
    last: datetime.date
    rule: DayRule
    start: int | None = None
    """Where the text says it, in code points; None where it is the report's date."""
    end: int | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A number of a report with all that is tied to it."""

    report: str
    source: str | None
    report_day: datetime.date | None
    sentence: str
    start: int
    """Where the sentence stands in the text, in code points; `end` exclusive."""
    end: int
    counts: tuple[Span, ...]
    """The COUNT spans, with the fields of `facts`: one, or the two ends of a range."""
    count_text: str
    who: Tie | None = None
    whom: Tie | None = None
    where: Tie | None = None
    within: tuple[Party, ...] = ()
    """Larger places that hold those of `where`: ريف إدلب of آفس."""
    day: Day | None = None
    part_of: str | None = None
    """The id of the statement whose number this one is a part of: 12, three of them children."""
    group: str | None = None
    """An id that statements of the same toll share; None where nobody else tells it."""
    group_reports: int = 1
    """How many reports tell it."""

    @property
    def id(self) -> str:
        """The report's id and where the number stands."""
        return statement_id(self.report, self.counts[0].start)

    @property
    def guessed(self) -> list[str]:
        """The columns whose tie was guessed."""
        ties = {"who": self.who, "whom": self.whom, "where": self.where, "date": self.day}
        return [name for name, tie in ties.items() if tie is not None and tie.guessed]


def statement_id(report: str, start: int) -> str:
    """The id of the statement whose number starts there."""
    return f"{report}:{start}"

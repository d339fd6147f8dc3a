"""The types of a statement and of what is tied in it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotation.report import Span
from inference.statements.event_words import EventKind

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
    "object",
    "clause",
    "heading",
    "sentence",
    "previous",
    "part",
]
"""What tied a span to a number, or to the verb of a statement without one:

- `agent`: على يد, من قبل, برصاص and the like name who did it;
- `subject`: of the nearest verb, or of the verbal noun that has its place;
- `deed`: of a shelling, raid, attack or operation told with the number;
- `speaker`: who announces a deed of its own (أعلنت قسد اعتقال خمسة);
- `carried`: of an earlier verb of the sentence, since the nearest has no subject of its own;
- `member`: the counted are of this party, or its property;
- `losses`: a party that lost the counted, or whose dead they are;
- `target`: against whom or whose positions;
- `counted`: those who are counted underwent it;
- `object`: the object of the verb or verbal noun, or the subject of a passive one, where no number
  is told;
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
    """What is tied to a number or an event, by which rule, and whether that was guessed."""

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
class Event:
    """What a statement without a number tells, and the verb or noun that tells it."""

    what: EventKind
    text: str
    start: int
    """In code points; `end` exclusive."""
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A number of a report, or an event told without one, with all that is tied to it."""

    report: str
    source: str | None
    report_day: datetime.date | None
    sentence: str
    start: int
    """Where the sentence stands in the text, in code points; `end` exclusive."""
    end: int
    counts: tuple[Span, ...]
    """The COUNT spans, with the fields of `facts`: one, or the two ends of a range.

    None for an event.
    """
    count_text: str
    """Empty for an event."""
    event: Event | None = None
    """None for a number."""
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
        """The report's id and where the number, or the word that tells the event, stands."""
        return statement_id(self.report, self.at)

    @property
    def at(self) -> int:
        """Where the number, or the word that tells the event, stands in the text."""
        if self.event is not None:
            return self.event.start
        return self.counts[0].start

    @property
    def figures(self) -> Mapping[str, Any]:
        """What the number says; of an event, its kind alone."""
        return self.counts[0].fields if self.event is None else {"what": self.event.what}

    @property
    def words(self) -> str:
        """The number, or the word that tells the event, as it is written."""
        return self.count_text if self.event is None else self.event.text

    @property
    def guessed(self) -> list[str]:
        """The columns whose tie was guessed."""
        ties = {"who": self.who, "whom": self.whom, "where": self.where, "date": self.day}
        return [name for name, tie in ties.items() if tie is not None and tie.guessed]


def statement_id(report: str, start: int) -> str:
    """The id of the statement whose number, or event, starts there."""
    return f"{report}:{start}"

"""The type of a name that was read off a span."""

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["letter", "table", "word", "article", "context", "report", "run", "guess"]
"""What told how much of a span is the name:

- `letter`: its first letter is none of و ف ب ل ك, or is set off by tatweel or another script;
- `table`: the whole name stands in a table, of actors or places;
- `word`: its first word is known, of a table or of the list that Rasd brings;
- `article`: behind the proclitic stands ال;
- `context`: what stands before the span takes a bare name, or another name that و joins to it;
- `report`, `run`: the name stands elsewhere in the same report, or run, without a proclitic;
- `guess`: none of these.
"""


@dataclass(frozen=True, slots=True)
class BareName:
    """A name without its proclitics."""

    start: int
    end: int
    """The raw slice without proclitics, in code points of the report's text."""
    name: str
    """As written alone: the slice, with the alif before it that `لل` swallows."""
    proclitics: str
    evidence: Evidence

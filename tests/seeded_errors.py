"""The bundled held-out reports, and predictions of them whose every error is known."""

from collections import Counter
from dataclasses import dataclass
from functools import cache

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report, Span
from annotation.words import find_words

HELD_OUT = ("dly", "cor")
"""The sources that `make run` holds out."""
SCORES = {"right": 0.97, "boundary": 0.7, "label": 0.6, "both": 0.4, "spurious": 0.3}
_OTHER_LABEL = {"ACTOR": "LOCATION", "LOCATION": "COUNT", "COUNT": "ACTOR"}
_SEEDED = {3: "missed", 9: "label", 14: "boundary", 20: "both"}
"""Of each 25 gold spans, what becomes of some."""
_SPURIOUS_EVERY = 6
"""Reports."""


@dataclass(frozen=True)
class Seeded:
    """Gold reports, predictions of them, and how many errors of each class were put in."""

    gold: list[Report]
    predicted: list[Report]
    errors: Counter[str]

    def spans(self) -> dict[str, tuple[Span, ...]]:
        """Predicted spans by report id."""
        return {report.id: report.spans or () for report in self.predicted}


@cache
def seed_errors() -> Seeded:
    """The held-out reports with some gold spans left out, cut, or given another label."""
    records = Ledger().sort(read_records([find_file(CORPUS)]))
    gold = [report for report in records if report.fields["source"] in HELD_OUT]
    errors: Counter[str] = Counter()
    predicted, number = [], 0
    for place, report in enumerate(gold):
        words = find_words(report.text)
        found = []
        for span in report.spans or ():
            number += 1
            kind = _SEEDED.get(number % 25, "right")
            inside = [word for word in words if span.start <= word[0] and word[1] <= span.end]
            if kind in ("boundary", "both") and len(inside) < 2:
                kind = "label"  # A single word cannot be cut shorter.
            if kind != "right":
                errors[kind] += 1
            if kind != "missed":
                start = inside[1][0] if kind in ("boundary", "both") else span.start
                other = kind in ("label", "both")
                label = _OTHER_LABEL[span.label] if other else span.label
                found.append(Span(start, span.end, label, SCORES[kind]))
        if place % _SPURIOUS_EVERY == 0:
            taken = [(span.start, span.end) for span in (*(report.spans or ()), *found)]
            free = next(
                word for word in words if all(word[1] <= a or b <= word[0] for a, b in taken)
            )
            found.append(Span(*free, "ACTOR", SCORES["spurious"]))
            errors["spurious"] += 1
        predicted.append(Report(report.id, report.text, tuple(found)))
    return Seeded(gold, predicted, errors)

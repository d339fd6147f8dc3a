"""Sorts the errors of an evaluation into their classes."""

from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from annotation.report import Report, Span
from inference.actors import load_actors
from inference.names import BareName, NameReader
from inference.names.letters import name_key
from inference.places import load_gazetteer
from training.evaluation.errors.alone import by_what_was_made_up, by_what_was_missed
from training.evaluation.errors.case import Beside, ErrorCase
from training.evaluation.errors.classes import ErrorClass
from training.evaluation.errors.paired import (
    by_edges,
    by_label,
    by_segmentation,
    by_tags,
    by_what_is_inside,
)
from training.evaluation.outcomes import Outcome, classify_spans
from training.evaluation.slices import Group

RULES: tuple[Callable[[ErrorCase], ErrorClass | None], ...] = (
    by_tags,
    by_what_is_inside,
    by_segmentation,
    by_label,
    by_edges,
    by_what_was_missed,
    by_what_was_made_up,
)
"""The first that answers decides; of any error one does."""
_STATE, _COUNTRY = "state", "country"
"""What the tables of known parties and places call states."""


@dataclass(frozen=True, slots=True)
class ClassifiedError:
    """An error of a report, and what kind of mistake it is."""

    report: Report
    outcome: Outcome
    error_class: ErrorClass


def class_of(case: ErrorCase) -> ErrorClass:
    """The class of an error."""
    return next(found for rule in RULES if (found := rule(case)) is not None)


def classify_errors(
    gold: Sequence[Report],
    predicted: Mapping[str, Sequence[Span]],
    lost: Container[tuple[str, Span]] = (),
    seen: Group | None = None,
) -> list[ClassifiedError]:
    """All errors, in the order of the reports and from left to right.

    `lost` are the gold spans that tags cannot say, with their reports' ids; `seen` tells `seen`
    or `unseen` of names, see `training.evaluation.slices`, where training reports are known.
    """
    errors = []
    with closing(_Names(gold)) as names:
        for report in gold:
            found = predicted.get(report.id, ())
            outcomes = classify_spans(report.spans or (), found)
            wrong = [outcome for outcome in outcomes if outcome.kind != "right"]
            if wrong:
                build = _CaseBuilder(report, found, names, lost, seen)
                errors += [ClassifiedError(report, one, class_of(build.case(one))) for one in wrong]
    return errors


class _Names:
    """What the gold reports and the tables of known parties and places tell of names."""

    def __init__(self, gold: Sequence[Report]) -> None:
        actors = load_actors()
        own = [(one.kind, name) for one in actors for name in (one.name_ar, *one.aliases)]
        shared = [name for one in actors for name in one.shared_aliases]
        self._states = frozenset(name_key(name) for kind, name in own if kind == _STATE)
        self._gazetteer = load_gazetteer()
        known = [*(name for _, name in own), *shared]
        self._reader = NameReader(known, self._gazetteer.names())
        for report in gold:
            self._reader.learn(report)

    def close(self) -> None:
        """Let go of the gazetteer."""
        self._gazetteer.close()

    def bare_names(self, text: str, spans: Sequence[Span]) -> dict[Span, BareName]:
        """The names of `spans` without their proclitics, of those that are names in the text."""
        inside: dict[Span, Span] = {}
        reached = 0
        for span in sorted(spans):
            end = min(span.end, len(text))
            # Predictions of others may lie outside the text, or overlap.
            if reached <= span.start < end:
                inside[replace(span, end=end)] = span
                reached = end
        read = self._reader.read(Report("", text, tuple(inside)))
        return {inside[span]: one for span, one in zip(inside, read, strict=True) if one}

    def is_state(self, bare: BareName | None) -> bool:
        """Whether a name is that of a state, or of what stands for one: a capital."""
        if bare is None:
            return False
        return name_key(bare.name) in self._states or any(
            found.place.level == _COUNTRY for found in self._gazetteer.lookup(bare.name)
        )


class _CaseBuilder:
    """Gathers what the rules look at, of one report."""

    def __init__(
        self,
        report: Report,
        predicted: Sequence[Span],
        names: _Names,
        lost: Container[tuple[str, Span]],
        seen: Group | None,
    ) -> None:
        self._report, self._names, self._lost, self._seen = report, names, lost, seen
        self._gold, self._predicted = Beside(report.spans or ()), Beside(predicted)
        self._bare = names.bare_names(report.text, predicted)
        self._bare |= names.bare_names(report.text, report.spans or ())

    def case(self, outcome: Outcome) -> ErrorCase:
        """An outcome with all that the rules look at."""
        sides = [span for span in (outcome.gold, outcome.predicted) if span is not None]
        # Of a span cut in two one part has no gold of its own: it is beside what the other has.
        beside = self._predicted.overlapping([*sides, *self._gold.overlapping(sides)])
        bare = self._bare.get(sides[0])
        group = None if self._seen is None else self._seen(self._report, sides[0])
        return ErrorCase(
            self._report.text,
            outcome,
            self._gold.overlapping([*sides, *beside]),
            beside,
            bare,
            self._names.is_state(bare),
            None if group is None else group == "seen",
            (self._report.id, sides[0]) not in self._lost,
        )

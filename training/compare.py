"""Compare two sets of predictions of the same reports: which is better, how surely, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions
from annotation.formats.jsonl import read_predictions
from annotation.formats.spans import span_to_json
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import FIGURES, FloatArray, count_report
from inference.provenance import commit, versions
from training.data import read_annotated
from training.evaluation.bootstrap import (
    CountTable,
    Resampling,
    find_intervals,
    find_p_values,
    resample_figures,
)
from training.evaluation.describe import INTERVAL_WIDTH, tell_interval
from training.evaluation.figures import Measured, ends_to_interval
from training.evaluation.mismatches import Mismatches, find_mismatches, name_places
from training.evaluation.outcomes import Outcome, classify_spans, count_outcomes

COMPARISON = "comparison.json"
NAMES = ("first", "second")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Figures of the second minus those of the first; rows are labels, micro and macro."""

    labels: tuple[str, ...]
    observed: FloatArray
    """[labels + 2, 3]"""
    ends: FloatArray
    """[labels + 2, 3, 2]: low and high"""
    p_values: FloatArray
    """[labels + 2, 3]: NaN where there are no intervals"""

    def rows(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By label, micro and macro, then by figure: value, interval and p."""
        names = [*self.labels, "micro", "macro"]
        return {
            name: {
                figure: {
                    "value": float(self.observed[row, column]),
                    "interval": ends_to_interval(self.ends[row, column]),
                    "p": None if np.isnan(p := self.p_values[row, column]) else float(p),
                }
                for column, figure in enumerate(FIGURES)
            }
            for row, name in enumerate(names)
        }

    def to_json(self) -> dict[str, Any]:
        """As `comparison.json` carries it."""
        rows = self.rows()
        return {
            "micro": rows.pop("micro"),
            "macro": rows.pop("macro"),
            "labels": dict(sorted(rows.items())),
        }


@dataclass(frozen=True, slots=True)
class Advantage:
    """A span that one got right and the other wrong, and what the other made of it.

    Gold that the other did not find right; or, where `outcome.gold` is None or is not found by the
    one either, a wrong span that only the other predicted.
    """

    report: Report
    outcome: Outcome
    """Of the one that got it wrong."""

    def to_json(self) -> dict[str, Any]:
        """As `comparison.json` carries it: the spans with what they cover."""
        return {
            "id": self.report.id,
            "class": self.outcome.kind,
            "gold": self._span(self.outcome.gold),
            "predicted": self._span(self.outcome.predicted),
        }

    def __str__(self) -> str:
        gold, predicted = (self._told(s) for s in (self.outcome.gold, self.outcome.predicted))
        return f"{self.report.id}: {self.outcome.kind}: gold {gold}, predicted {predicted}"

    def _span(self, span: Span | None) -> dict[str, Any] | None:
        return None if span is None else span_to_json(span, self.report.text)

    def _told(self, span: Span | None) -> str:
        if span is None:
            return "–"
        covered = " ".join(self.report.text[span.start : span.end].split())
        return f"{span.label} {span.start}–{span.end} {covered}"


@dataclass(frozen=True, slots=True)
class Advantages:
    """What one gets right that the other gets wrong."""

    found: list[Advantage]
    """Gold spans that the one finds and the other does not."""
    avoided: list[Advantage]
    """Wrong spans that only the other predicts."""

    def to_json(self) -> dict[str, Any]:
        """As `comparison.json` carries it."""
        return {
            "found": [one.to_json() for one in self.found],
            "avoided": [one.to_json() for one in self.avoided],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets of predictions on one set of gold reports."""

    measured: tuple[Measured, Measured]
    difference: Difference
    advantages: tuple[Advantages, Advantages]
    """Of the first over the second, and the reverse."""
    mismatches: tuple[Mismatches, Mismatches]
    resampling: Resampling
    reports: int
    origin: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_a_look(self) -> bool:
        """Whether something was set aside or does not fit."""
        unfit = any(one.missing or one.misplaced for one in self.mismatches)
        return bool(unfit or self.origin.get("set_aside"))

    def to_json(self) -> dict[str, Any]:
        """The content of `comparison.json`."""
        sides = zip(NAMES, self.measured, self.mismatches, strict=True)
        return {
            "mode": "strict",
            **{
                name: {
                    **measured.to_json(),
                    "missing": mismatches.missing,
                    "misplaced": len(mismatches.misplaced),
                    "remarks": mismatches.remarks,
                }
                for name, measured, mismatches in sides
            },
            "difference": {"of": "second minus first", **self.difference.to_json()},
            "bootstrap": {**self.resampling.to_json(), "reports": self.reports},
            "only_first_right": self.advantages[0].to_json(),
            "only_second_right": self.advantages[1].to_json(),
            **self.origin,
        }

    def table(self) -> list[str]:
        """Both F1, the difference and how sure it is; then where they differ."""
        first, second = (measured.table.figures[:, -1] for measured in self.measured)
        lines = [
            f"{'F1':12}{'first':>10}{'second':>10}{'difference':>12}"
            f"  {'interval':>{INTERVAL_WIDTH}}{'p':>9}"
        ]
        rows = list(self.difference.rows().items())
        order = [*sorted(range(len(rows) - 2), key=lambda row: rows[row][0]), -2, -1]
        for row in order:
            name, f1 = rows[row][0], rows[row][1]["f1"]
            p = "–" if f1["p"] is None else f"{f1['p']:.4f}"
            lines.append(
                f"{name:12}{first[row]:10.4f}{second[row]:10.4f}{f1['value']:+12.4f}"
                f"  {_tell_signed(f1['interval'])}{p:>9}"
            )
        for name, mismatches in zip(NAMES, self.mismatches, strict=True):
            lines += _tell_mismatches(name, mismatches)
        for name, other, advantages in zip(NAMES, reversed(NAMES), self.advantages, strict=True):
            lines += _tell_advantages(name, other, advantages)
        return lines


def compare(
    gold: Sequence[Report],
    first: Mapping[str, Sequence[Span]],
    second: Mapping[str, Sequence[Span]],
    resampling: Resampling | None = None,
) -> Comparison:
    """Compare predicted spans by report id, strictly, by a paired bootstrap over reports.

    A report that one has no prediction of counts as missed by it. Raises UserError for ids that
    gold lacks.
    """
    resampling = resampling or Resampling()
    ids = {report.id for report in gold}
    problems = [
        f"{name}: predictions for {len(extra)} reports that gold lacks: "
        f"{', '.join(sorted(extra)[:5])}; expected predictions of the gold reports"
        for name, found in zip(NAMES, (first, second), strict=True)
        if (extra := found.keys() - ids)
    ]
    if problems:
        raise UserError("\n".join(problems))
    spans_of = [[found.get(report.id, ()) for report in gold] for found in (first, second)]
    counted = [
        {i: count_report(gold[i].spans or (), spans) for i, spans in enumerate(side)}
        for side in spans_of
    ]
    labels = sorted({label for side in counted for one in side.values() for label in one})
    tables = [CountTable.of(side, labels) for side in counted]
    measured, difference = _measure_both(tables, len(gold), resampling)
    return Comparison(
        measured,
        difference,
        (
            _find_advantages(gold, spans_of[0], spans_of[1]),
            _find_advantages(gold, spans_of[1], spans_of[0]),
        ),
        (find_mismatches(gold, first), find_mismatches(gold, second)),
        resampling,
        len(gold),
    )


def _measure_both(
    tables: Sequence[CountTable], reports: int, resampling: Resampling
) -> tuple[tuple[Measured, Measured], Difference]:
    """Both on the same resamples, and their difference."""
    one, other = tables
    observed = other.figures - one.figures
    if reports < 2:
        unknown = np.full((*observed.shape, 2), np.nan)
        difference = Difference(one.labels, observed, unknown, unknown[..., 0])
        return (Measured(one, unknown), Measured(other, unknown)), difference
    figures = resample_figures(tables, reports, resampling)
    ends = [
        find_intervals(each, table.holders, resampling.level)
        for each, table in zip(figures, tables, strict=True)
    ]
    differences = figures[1] - figures[0]
    # Gold is the same on both sides: who holds more spans of a label has it in more reports.
    holders = np.maximum(one.holders, other.holders)
    of_both = find_intervals(differences, holders, resampling.level)
    p_values = find_p_values(differences, observed, holders)
    difference = Difference(one.labels, observed, of_both, p_values)
    return (Measured(one, ends[0]), Measured(other, ends[1])), difference


def _find_advantages(
    gold: Sequence[Report],
    ones: Sequence[Sequence[Span]],
    others: Sequence[Sequence[Span]],
) -> Advantages:
    found, avoided = [], []
    for report, one, other in zip(gold, ones, others, strict=True):
        predicted = set(one)
        for outcome in classify_spans(report.spans or (), other):
            if outcome.kind == "right":
                continue
            if outcome.gold in predicted:
                found.append(Advantage(report, outcome))
            elif outcome.predicted is not None and outcome.predicted not in predicted:
                avoided.append(Advantage(report, outcome))
    return Advantages(found, avoided)


def compare_files(
    first: Path,
    second: Path,
    gold_file: str,
    output: Path,
    options: ReadOptions | None = None,
    resampling: Resampling | None = None,
) -> Comparison:
    """Compare two files of predictions and write `comparison.json` into `output`."""
    gold = read_annotated([gold_file], None, options)
    comparison = compare(
        gold.reports, read_predictions(first), read_predictions(second), resampling
    )
    origin = {
        "predictions": [
            {"name": name, "file": str(path), "sha256": sha256_of_file(path)}
            for name, path in zip(NAMES, (first, second), strict=True)
        ],
        "gold": gold.hashes,
        "reports": len(gold.reports),
        "set_aside": gold.set_aside,
        "versions": versions(),
        "commit": commit(),
    }
    comparison = replace(comparison, origin=origin)
    write_json(comparison.to_json(), output / COMPARISON)
    return comparison


def _tell_signed(interval: list[float] | None) -> str:
    if interval is None:
        return tell_interval(None)
    return f"{f'{interval[0]:+.4f} {interval[1]:+.4f}':>{INTERVAL_WIDTH}}"


def _tell_mismatches(name: str, mismatches: Mismatches) -> list[str]:
    lines = [f"{name}: {remark}" for remark in mismatches.remarks]
    if mismatches.missing:
        named = ", ".join(mismatches.missing[:_SHOWN])
        lines.append(
            f"{name}: gold reports without prediction: {len(mismatches.missing)} ({named})"
        )
    if mismatches.misplaced:
        named = name_places(mismatches.misplaced)
        count = len(mismatches.misplaced)
        lines.append(f"{name}: predictions that do not fit the text: {count} ({named})")
    return lines


def _tell_advantages(name: str, other: str, advantages: Advantages) -> list[str]:
    both = [*advantages.found, *advantages.avoided]
    counts = count_outcomes(one.outcome for one in both)
    kinds = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
    lines = [
        f"right in the {name} only: {len(advantages.found)} gold spans, and "
        f"{len(advantages.avoided)} wrong ones avoided"
        + (f" (the {other}'s errors: {kinds})" if kinds else "")
    ]
    lines += [f"  {one}" for one in both[:_SHOWN]]
    if len(both) > _SHOWN:
        lines.append(f"  … and {len(both) - _SHOWN} more in {COMPARISON}")
    return lines

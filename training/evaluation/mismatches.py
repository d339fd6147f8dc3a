"""Gold and predictions that do not fit together: what is odd about them, told in words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.formats.spans import same_text
from annotation.report import Report, Span

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Mismatches:
    """What a person should know before believing the figures."""

    missing: list[str]
    """Ids of gold reports without a prediction; all their spans count as missed."""
    misplaced: list[tuple[str, Span]]
    """Predicted spans that end behind their report's text, or whose own text stands elsewhere.

    They count like the others; mostly they were predicted on another version of the text.
    """
    remarks: list[str]
    """Of labels and amounts, a sentence each."""


def find_mismatches(gold: Sequence[Report], predicted: Mapping[str, Sequence[Span]]) -> Mismatches:
    """Compare what is there, report by report."""
    misplaced = [
        (report.id, span)
        for report in gold
        for span in predicted.get(report.id, ())
        if _is_misplaced(report, span)
    ]
    missing = [report.id for report in gold if report.id not in predicted]
    return Mismatches(missing, misplaced, list(_remarks(gold, predicted)))


def name_places(places: Sequence[tuple[str, Span]]) -> str:
    """The first of them: `7 ACTOR 3–9; …`."""
    named = "; ".join(f"{id} {s.label} {s.start}–{s.end}" for id, s in places[:_NAMED])
    return named + (" …" if len(places) > _NAMED else "")


def _is_misplaced(report: Report, span: Span) -> bool:
    own = span.fields.get("text")
    covered = report.text[span.start : span.end]
    return span.end > len(report.text) or (isinstance(own, str) and not same_text(own, covered))


def _remarks(gold: Sequence[Report], predicted: Mapping[str, Sequence[Span]]) -> Iterable[str]:
    wanted = Counter(span.label for report in gold for span in report.spans or ())
    found = Counter(span.label for spans in predicted.values() for span in spans)
    if not wanted:
        yield f"gold holds no span in {len(gold)} reports: all figures are 0, whatever is predicted"
    if len(gold) == 1:
        yield "one report only: no intervals, which tell how much figures differ between reports"
    if wanted and found:
        unknown, absent = _named(found, wanted), _named(wanted, found)
        if unknown:
            yield f"labels that gold lacks, all wrong: {unknown}"
        if absent:
            yield f"labels that nothing was predicted of, all missed: {absent}"


def _named(counts: Mapping[str, int], known: Mapping[str, int]) -> str:
    """The labels that are not known, with their counts."""
    others = sorted(label for label in counts if label not in known)
    return ", ".join(f"{label} ({counts[label]})" for label in others)

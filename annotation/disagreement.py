"""Where annotators of one report disagree: the stretches, what each marked there, and how so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotation.formats.spans import span_to_json
from annotation.readings import SharedReport
from annotation.report import Span

Kind = Literal["missing", "boundary", "label"]
KINDS: tuple[Kind, ...] = ("missing", "boundary", "label")
"""Somebody marked nothing there; those who marked set other edges; or gave other labels."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A stretch of a report in which not everybody marked the same."""

    document: str
    start: int
    end: int
    """From the first to the last character that anybody marked."""
    text: str
    kinds: tuple[Kind, ...]
    readings: dict[str, tuple[Span, ...]]
    """What each annotator of the report marked there; none for nothing."""

    def to_json(self) -> dict[str, Any]:
        """A line of the list of disagreements."""
        return {
            "document": self.document,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "kinds": list(self.kinds),
            "readings": {
                name: [span_to_json(span) for span in spans]
                for name, spans in self.readings.items()
            },
        }

    def in_words(self) -> dict[str, str]:
        """What each marked: `LOCATION 9–14 الرقة`, several behind `;`, or a dash for nothing."""

        def told(span: Span) -> str:
            covered = self.text[span.start - self.start : span.end - self.start]
            return f"{span.label} {span.start}–{span.end} {' '.join(covered.split())}"

        return {name: "; ".join(map(told, spans)) or "–" for name, spans in self.readings.items()}


def find_disagreements(shared: SharedReport) -> list[Disagreement]:
    """The stretches that not all annotators of a report read alike, from left to right.

    A stretch holds spans that hang together by overlapping, whoever marked them. One annotator has
    nobody to disagree with.
    """
    found = []
    for stretch in _stretches(shared.readings):
        if not _is_agreed(stretch):
            spans = [span for marked in stretch.values() for span in marked]
            start, end = min(span.start for span in spans), max(span.end for span in spans)
            text = shared.report.text[start:end]
            kinds = tuple(_kinds_of(stretch))
            found.append(Disagreement(shared.report.id, start, end, text, kinds, stretch))
    return found


def agreed_spans(shared: SharedReport) -> tuple[Span, ...]:
    """The spans that every annotator of a report marked, and nobody something else in their place.

    Without scores and further keys: these are one annotator's own.
    """
    firsts = (
        next(iter(stretch.values()))[0]
        for stretch in _stretches(shared.readings)
        if _is_agreed(stretch)
    )
    return tuple(Span(span.start, span.end, span.label) for span in firsts)


def _stretches(
    readings: Mapping[str, Sequence[Span]],
) -> Iterator[dict[str, tuple[Span, ...]]]:
    """Spans that overlap, or overlap what overlaps them, together; by annotator, all of them."""
    ordered = sorted(
        ((span, name) for name, spans in readings.items() for span in spans),
        key=lambda pair: (pair[0].start, pair[0].end),
    )
    together: list[tuple[Span, str]] = []
    reached = 0
    for span, name in ordered:
        if together and span.start >= reached:
            yield _by_annotator(together, readings)
            together = []
        together.append((span, name))
        reached = max(reached, span.end)
    if together:
        yield _by_annotator(together, readings)


def _by_annotator(
    marked: Sequence[tuple[Span, str]], annotators: Iterable[str]
) -> dict[str, tuple[Span, ...]]:
    return {name: tuple(span for span, by in marked if by == name) for name in annotators}


def _is_agreed(stretch: Mapping[str, tuple[Span, ...]]) -> bool:
    # Two spans of one person do not overlap: what all marked alike and hangs together is one span.
    return len(set(stretch.values())) == 1


def _kinds_of(stretch: Mapping[str, tuple[Span, ...]]) -> Iterator[Kind]:
    marked = [spans for spans in stretch.values() if spans]
    if len(marked) < len(stretch):
        yield "missing"
    if len({tuple((span.start, span.end) for span in spans) for spans in marked}) > 1:
        yield "boundary"
    if len({frozenset(span.label for span in spans) for spans in marked}) > 1:
        yield "label"

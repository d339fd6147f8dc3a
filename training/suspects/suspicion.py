"""How suspicious an annotation is to a model that had not learned from its report.

Annotation and model are taken for two annotators: where they disagree (`annotation.disagreement`)
is a suspect. Its suspicion is 1 less the lowest probability that the model gives to a tag that the
annotation says, among the words of the stretch. So are tokens judged by their "self-confidence",
and sequences by their worst token, in Wang and Mueller 2022, "Detecting Label Errors in Token
Classification Data"; here a stretch takes the place of a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.disagreement import Disagreement, find_disagreements
from annotation.readings import SharedReport
from annotation.report import Report, Span
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import Word
from inference.tagged_words import TaggedWords

ANNOTATED, SUGGESTED = "annotated", "suggested"
"""The two readings of a suspect: what stands in the report, and what the model says."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A stretch of a report that may be annotated wrongly."""

    disagreement: Disagreement
    """Its readings are ANNOTATED and SUGGESTED."""
    suspicion: float
    """From 0 to 1; not a probability: a model can be sure and wrong."""

    @property
    def annotated(self) -> tuple[Span, ...]:
        """What stands in the report now."""
        return self.disagreement.readings[ANNOTATED]

    @property
    def suggested(self) -> tuple[Span, ...]:
        """What the model found in its place."""
        return self.disagreement.readings[SUGGESTED]

    @property
    def told(self) -> str:
        """In a line, for the one who looks again."""
        words = self.disagreement.in_words()
        told = " | ".join(f"{name}: {what}" for name, what in words.items())
        return f"{told} ({self.suspicion:.3f})"

    def to_json(self) -> dict[str, Any]:
        """A line of the list of suspects."""
        return {"suspicion": self.suspicion, **self.disagreement.to_json()}


def find_suspects(report: Report, tagged: TaggedWords) -> list[Suspect]:
    """The suspects of an annotated report, from left to right.

    The annotation is taken as tags say it: what they cannot say, `annotation check` finds.
    """
    words = [Word(start, end) for start, end in tagged.words.tolist()]
    tags = spans_to_tags(words, report.spans or ()).tags
    readings = {ANNOTATED: tuple(tags_to_spans(words, tags)), SUGGESTED: tagged.spans}
    return [
        Suspect(one, _suspicion(one, tags, tagged))
        for one in find_disagreements(SharedReport(report, readings))
    ]


def _suspicion(one: Disagreement, tags: Sequence[str], tagged: TaggedWords) -> float:
    starts = tagged.words[:, 0]
    first, behind = np.searchsorted(starts, [one.start, one.end])
    column = {name: number for number, name in enumerate(tagged.names)}
    # A label that the model does not know is the least probable of all.
    of_annotation = [
        tagged.log_probs[place, column[tags[place]]] if tags[place] in column else -np.inf
        for place in range(first, behind)
    ]
    return float(-np.expm1(min(of_annotation)))


def suggestion(report: Report, suspects: Sequence[Suspect]) -> Report:
    """The report with what the model says in the place of its `suspects`, all else as annotated."""
    stretches = [one.disagreement for one in suspects]
    # By place and not by span: what was marked may cover less or more than its words.
    kept = [
        span
        for span in report.spans or ()
        if not any(one.start < span.end and span.start < one.end for one in stretches)
    ]
    suggested = [span for one in suspects for span in one.suggested]
    return Report(report.id, report.text, (*kept, *suggested), report.fields)

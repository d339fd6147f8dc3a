"""What a model says of a report, word by word, and the spans that this comes to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from annotation.report import Report, Span
from annotation.tags import tags_to_spans
from annotation.words import Word
from inference.decoding import FloatArray
from inference.pieces import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class TaggedWords:
    """The words of one report, how probable each tag of each word is, and the tags decided on."""

    words: Sequence[Word]
    """Those that the model is shown."""
    log_probs: FloatArray
    """[words, tags], natural logarithms"""
    path: IntArray
    """[words]: columns of `log_probs`, a well-formed sequence"""
    names: Sequence[str]
    """[tags]: the columns' names"""

    @property
    def spans(self) -> tuple[Span, ...]:
        """Each with `score`, the lowest tag probability among its words."""
        chosen = np.exp(self.log_probs[np.arange(len(self.path)), self.path])
        found = tags_to_spans(self.words, [self.names[tag] for tag in self.path])
        starts = np.array([word.start for word in self.words])
        first = np.searchsorted(starts, [span.start for span in found])
        behind = np.searchsorted(starts, [span.end for span in found])
        return tuple(
            replace(span, score=float(chosen[i:j].min()))
            for span, i, j in zip(found, first, behind, strict=True)
        )

    @property
    def uncertainty(self) -> float:
        """Mean tag entropy of the words, in nats; 0 where there is none."""
        entropy = -(np.exp(self.log_probs) * self.log_probs).sum(-1)
        return float(entropy.mean()) if len(entropy) else 0.0

    def on(self, report: Report) -> Report:
        """The report that was read, with the spans found in place of its own, and `uncertainty`."""
        fields = {**report.fields, "uncertainty": self.uncertainty}
        return replace(report, spans=self.spans, fields=fields)


class WordTagger(Protocol):
    """Anything that tags the words of reports, in their order."""

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        """What it says of each report; spans that a report has are not looked at."""

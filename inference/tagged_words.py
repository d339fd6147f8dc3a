"""What a model says of a report, word by word, and the spans that this comes to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from annotation.report import Report, Span
from annotation.tags import find_runs
from annotation.words import Word
from inference.decoding import FloatArray
from inference.pieces import IntArray


def word_array(words: Sequence[Word]) -> IntArray:
    """[words, 2]: start and end of each."""
    return np.array(words, np.int64).reshape(-1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class TaggedWords:
    """The words of one report, how probable each tag of each word is, and the tags decided on."""

    words: IntArray
    """[words, 2]: start and end of those that the model is shown"""
    log_probs: FloatArray
    """[words, tags], natural logarithms"""
    path: IntArray
    """[words]: columns of `log_probs`, a well-formed sequence"""
    names: Sequence[str]
    """[tags]: the columns' names"""

    @property
    def runs(self) -> IntArray:
        """[spans, 2]: the first word of each span, and the one behind its last."""
        return find_runs(self.path, self.names)

    @property
    def chosen(self) -> FloatArray:
        """[words]: the probability of the tag that was decided on."""
        probabilities: FloatArray = np.exp(self.log_probs[np.arange(len(self.path)), self.path])
        return probabilities

    @property
    def spans(self) -> tuple[Span, ...]:
        """Each with `score`, the lowest tag probability among its words."""
        chosen = self.chosen
        return tuple(
            Span(
                int(self.words[first, 0]),
                int(self.words[behind - 1, 1]),
                self.names[self.path[first]][2:],
                float(chosen[first:behind].min()),
            )
            for first, behind in self.runs
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

"""What a model says of a report, word by word, and the spans that this comes to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from annotation.report import Report, Span
from annotation.tags import find_runs
from annotation.words import Word
from inference.decoding import FloatArray
from inference.pieces import IntArray


def word_array(words: Sequence[Word]) -> IntArray:
    """[words, 2]: start and end of each."""
    return np.array(words, np.int64).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class TaggedWords:
    """Words, how probable each tag of each is, and the tags decided on.

    Those of one report, or of several end to end: no span goes from one into the next.
    """

    words: IntArray
    """[words, 2]: start and end in their report of those that the model is shown"""
    log_probs: FloatArray
    """[words, tags], natural logarithms"""
    path: IntArray
    """[words]: columns of `log_probs`, a well-formed sequence"""
    names: Sequence[str]
    """[tags]: the columns' names"""
    ends: IntArray | None = None
    """[reports]: the index behind the last word of each; None: they are of one"""

    def part(self, start: int, end: int) -> "TaggedWords":
        """The words of one report, from the index `start` to `end` (exclusive)."""
        of_part = slice(start, end)
        return TaggedWords(
            self.words[of_part], self.log_probs[of_part], self.path[of_part], self.names
        )

    @cached_property
    def runs(self) -> IntArray:
        """[spans, 2]: the first word of each span, and the one behind its last."""
        return find_runs(self.path, self.names)

    @cached_property
    def chosen(self) -> FloatArray:
        """[words]: the probability of the tag that was decided on."""
        probabilities: FloatArray = np.exp(self.log_probs[np.arange(len(self.path)), self.path])
        return probabilities

    @property
    def scores(self) -> FloatArray:
        """[spans]: the lowest tag probability among the words of each."""
        # One more word for a run that ends with the last one: reduceat takes indices inside alone.
        chosen = np.append(self.chosen, np.ones(1, self.chosen.dtype))
        lowest: FloatArray = np.minimum.reduceat(chosen, self.runs.ravel())[::2]
        return lowest

    @property
    def labels(self) -> list[str]:
        """[spans]"""
        return [self.names[tag][2:] for tag in self.path[self.runs[:, 0]].tolist()]

    @property
    def spans(self) -> tuple[Span, ...]:
        """In order, each with its score."""
        return self.spans_scored(self.scores)

    def spans_scored(self, scores: FloatArray | NDArray[np.float64]) -> tuple[Span, ...]:
        """In order, with these scores [spans]."""
        first, behind = self.runs.T
        return tuple(
            map(
                Span,
                self.words[first, 0].tolist(),
                self.words[behind - 1, 1].tolist(),
                self.labels,
                scores.tolist(),
            )
        )

    @property
    def entropies(self) -> FloatArray:
        """[words]: of each word's tags, in nats."""
        entropies: FloatArray = -(np.exp(self.log_probs) * self.log_probs).sum(-1)
        return entropies

    @property
    def uncertainty(self) -> float:
        """Mean tag entropy of the words, in nats; 0 where there is none."""
        return float(self.entropies.mean()) if len(self.words) else 0.0

    def on(self, report: Report) -> Report:
        """The report that was read, with the spans found in place of its own, and `uncertainty`."""
        fields = {**report.fields, "uncertainty": self.uncertainty}
        return replace(report, spans=self.spans, fields=fields)


class WordTagger(Protocol):
    """Anything that tags the words of reports, in their order."""

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        """What it says of each report; spans that a report has are not looked at."""

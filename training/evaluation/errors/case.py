"""An error with all that the rules look at."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotation.report import Span
from annotation.words import find_words
from inference.names import NAMED, BareName
from training.evaluation.errors.vocabulary import words_in
from training.evaluation.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """An outcome that is not right, in its text."""

    text: str
    outcome: Outcome
    gold_beside: tuple[Span, ...]
    """All gold spans that overlap the outcome's prediction, or its gold."""
    predicted_beside: tuple[Span, ...]
    """All predictions that overlap the outcome's gold, or its prediction."""
    bare: BareName | None = None
    """The name without proclitics, of gold if there is some; None for what is no name."""
    is_state: bool = False
    """Whether that is the name of a state, or of what stands for one."""
    met: bool | None = None
    """Whether training reports mark these words with this label; None where there are none."""
    is_taggable: bool = True
    """Whether tags can say the gold span."""

    @property
    def gold(self) -> Span | None:
        """What was there to be found."""
        return self.outcome.gold

    @property
    def predicted(self) -> Span | None:
        """What was found."""
        return self.outcome.predicted

    @property
    def pair(self) -> tuple[Span, Span] | None:
        """Gold and prediction, where the error has both."""
        gold, predicted = self.outcome.gold, self.outcome.predicted
        return None if gold is None or predicted is None else (gold, predicted)

    def covered(self, span: Span) -> str:
        """The text of a span; less where the prediction ends behind the text."""
        return self.text[span.start : span.end]

    def words_of(self, span: Span) -> list[str]:
        """The words of a span."""
        return words_in(self.covered(span))

    def word_before(self, place: int) -> str:
        """The last word of the same line before `place`; empty where there is none."""
        line = self.text[self.text.rfind("\n", 0, place) + 1 : place]
        words = words_in(line)
        return words[-1] if words else ""

    def word_behind(self, place: int) -> str:
        """The first word of the same line from `place` on; empty where there is none."""
        end = self.text.find("\n", place)
        words = words_in(self.text[place : len(self.text) if end < 0 else end])
        return words[0] if words else ""

    def cuts_word(self, place: int) -> bool:
        """Whether `place` lies inside a word."""
        near = self.text[max(0, place - 1) : place + 1]
        return find_words(near) == [(0, 2)]


def is_name(span: Span) -> bool:
    """Whether the label is one of names."""
    return span.label in NAMED


class Beside:
    """One side's spans of a report, for finding those that lie beside others."""

    def __init__(self, spans: Iterable[Span]) -> None:
        """No two of `spans` may overlap."""
        self._spans = sorted(spans)
        self._ends = [span.end for span in self._spans]

    def overlapping(self, others: Sequence[Span]) -> tuple[Span, ...]:
        """The spans that share a character with one of `others`, from left to right."""
        found = set()
        for other in others:
            at = bisect_right(self._ends, other.start)
            while at < len(self._spans) and self._spans[at].start < other.end:
                found.add(self._spans[at])
                at += 1
        return tuple(sorted(found))


def holds(outer: Span, inner: Span) -> bool:
    """Whether one span lies within a longer one."""
    longer = outer.end - outer.start > inner.end - inner.start
    return longer and outer.start <= inner.start and inner.end <= outer.end

"""The list of names alone: what a training report marked is marked wherever it stands again."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from annotation.report import Report
from annotation.tags import OUTSIDE, spans_to_tags, tag_names
from annotation.words import find_words
from inference.tagged_words import TaggedWords, word_array
from training.baseline.known_names import KnownNames, NameMatch
from training.data import labels_in

LEAST_SHARE = 0.5
"""A name that is marked less often than this where training reports hold it is none: `12`."""


class NameTagger:
    """Tags the longest known names, and nothing else.

    Probabilities are shares of the training reports: of a name's matches how many are marked so,
    and of the words in no match how many have each tag.
    """

    def __init__(self, reports: Sequence[Report]) -> None:
        """`reports` are annotated. Raises UserError where none marks anything."""
        self.tags = tag_names(labels_in(reports))
        self._index = {tag: number for number, tag in enumerate(self.tags)}
        self._names = KnownNames(reports)
        # One more of each: no tag is impossible because it was not met.
        counts = np.ones(len(self.tags))
        for report in reports:
            tags = spans_to_tags(find_words(report.text), report.spans or ()).tags
            for match in self._names.find_in_training(report, LEAST_SHARE):
                tags[match.start : match.end] = [""] * (match.end - match.start)
            for tag in tags:
                if tag:
                    counts[self._index[tag]] += 1
        self._unmatched = counts / counts.sum()

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        """The names in each report; spans that it has are not looked at."""
        for report in reports:
            words = find_words(report.text)
            forms = [report.text[start:end] for start, end in words]
            probabilities = np.tile(self._unmatched, (len(words), 1))
            path = np.full(len(words), self._index[OUTSIDE], np.int64)
            for match in self._names.find(forms, LEAST_SHARE):
                for place, tag in enumerate(_tags_of(match), match.start):
                    column = path[place] = self._index[tag]
                    others = np.delete(np.arange(len(self.tags)), column)
                    left = (1 - match.share) / probabilities[place, others].sum()
                    probabilities[place, others] *= left
                    probabilities[place, column] = match.share
            log_probs = np.log(probabilities).astype(np.float32)
            yield TaggedWords(word_array(words), log_probs, path, self.tags)


def _tags_of(match: NameMatch) -> list[str]:
    return [f"B-{match.label}", *[f"I-{match.label}"] * (match.end - match.start - 1)]

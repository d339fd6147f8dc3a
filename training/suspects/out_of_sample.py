"""What models say of reports that they had not learned from: a fit for each of k folds."""

import logging
from collections.abc import Callable, Iterator, Sequence

from annotation.report import Report
from inference.tagged_words import TaggedWords, WordTagger
from training.baseline.crf import CrfTagger

log = logging.getLogger(__name__)

FoldTagger = Callable[[int, Sequence[Report], Sequence[Report]], WordTagger]
"""From a fold's number (from 1 on), the reports of all other folds and its own: what tags these."""


def tag_out_of_sample(
    folds: Sequence[Sequence[Report]], tagger_of: FoldTagger
) -> Iterator[tuple[Report, TaggedWords]]:
    """Each report with what the model says of it that was fitted without its fold."""
    for number, held_out in enumerate(folds, 1):
        others = [report for fold in folds if fold is not held_out for report in fold]
        log.info("fold %d of %d: %d reports held out", number, len(folds), len(held_out))
        yield from zip(
            held_out, tagger_of(number, others, held_out).tag_words(held_out), strict=True
        )


def crf_of_fold(number: int, others: Sequence[Report], held_out: Sequence[Report]) -> WordTagger:
    """The CRF of `training.baseline`: no files, no settings, seconds."""
    return CrfTagger.fit(others)

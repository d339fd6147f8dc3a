"""A linear-chain CRF (CRFsuite) over word features and the names of the training reports.

A report is one sequence, whatever its length. The CRF's marginal tag probabilities are decoded as a
model's are: by `inference.decoding`, under the IOB2 rules, so that spans and scores mean the same.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotation.problems import UserError
from annotation.report import Report
from annotation.tags import spans_to_tags, tag_names
from annotation.words import Word, find_words
from inference.decoding import FloatArray, TagDecoder
from inference.tagged_words import TaggedWords, word_array
from training.baseline.known_names import KnownNames, NameMatch
from training.baseline.word_features import report_features
from training.data import labels_in, warn_of_untaggable

log = logging.getLogger(__name__)

_LEAST_PROBABILITY = 1e-12
"""Of tags that CRFsuite has not met, or holds for impossible: its logarithm is a number."""
_LONGEST_NAME = 4


@dataclass(frozen=True, slots=True)
class CrfSettings:
    """What CRFsuite learns with (L-BFGS)."""

    c1: float = 0.02
    """Weight of the L1 penalty, which leaves most features out."""
    c2: float = 0.02
    """Weight of the L2 penalty."""
    iterations: int = 60


class CrfTagger:
    """A fitted CRF."""

    def __init__(self, model: bytes, tags: Sequence[str], names: KnownNames) -> None:
        """`model` is what CRFsuite wrote; `tags` are those of the labels, met or not."""
        self.tags = list(tags)
        self._names = names
        self._decoder = TagDecoder(tags)
        # CRFsuite reads the bytes where they are: they have to stay as long as the tagger.
        self._model = model
        self._tagger = import_crfsuite().Tagger()
        self._tagger.open_inmemory(self._model)
        self._met = [
            (column, tag) for column, tag in enumerate(tags) if tag in set(self._tagger.labels())
        ]

    @classmethod
    def fit(cls, reports: Sequence[Report], settings: CrfSettings | None = None) -> "CrfTagger":
        """Fit on annotated reports: the same ones in the same order give the same model.

        Raises UserError where no report marks anything, and without python-crfsuite.
        """
        crfsuite, settings = import_crfsuite(), settings or CrfSettings()
        names = KnownNames(reports)
        # Weights for transitions that were not met too: what never follows learns to be unlikely.
        trainer = crfsuite.Trainer(
            algorithm="lbfgs",
            params={
                "c1": settings.c1,
                "c2": settings.c2,
                "max_iterations": settings.iterations,
                "feature.possible_transitions": True,
            },
            verbose=False,
        )
        taggings = []
        for report in reports:
            words = find_words(report.text)
            taggings.append((report, spans_to_tags(words, report.spans or ())))
            if words:
                rows = _features(report.text, words, names.find_in_training(report))
                trainer.append(rows, taggings[-1][1].tags)
        warn_of_untaggable(taggings)
        count = sum(len(tagging.tags) for _, tagging in taggings)
        log.info("fitting a CRF on %d reports, %d words", len(reports), count)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.crfsuite"
            trainer.train(str(file))
            return cls(file.read_bytes(), tag_names(labels_in(reports)), names)

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        """What the CRF says of each report; spans that it has are not looked at."""
        for report in reports:
            words = find_words(report.text)
            log_probs = self._log_probs(report.text, words)
            (path,) = self._decoder.decode([log_probs])
            yield TaggedWords(word_array(words), log_probs, path, self.tags)

    def _log_probs(self, text: str, words: Sequence[Word]) -> FloatArray:
        """[words, tags]"""
        probabilities = np.zeros((len(words), len(self.tags)))
        if words:
            matches = self._names.find([text[start:end] for start, end in words])
            self._tagger.set(_features(text, words, matches))
            for place in range(len(words)):
                for column, tag in self._met:
                    probabilities[place, column] = self._tagger.marginal(tag, place)
        log_probs: FloatArray = np.log(np.maximum(probabilities, _LEAST_PROBABILITY)).astype(
            np.float32
        )
        return log_probs


def import_crfsuite() -> Any:
    """The module `pycrfsuite`. Raises UserError where it is not installed."""
    try:
        import pycrfsuite
    except ModuleNotFoundError:
        raise UserError(
            "the CRF needs python-crfsuite, which comes with pip install 'rasd[baseline]'"
        ) from None
    return pycrfsuite


def _features(text: str, words: Sequence[Word], matches: Sequence[NameMatch]) -> list[list[str]]:
    """The words' features, with those of the known names among them and right beside them."""
    rows = report_features(text, words)
    for match in matches:
        told = (
            f"share={match.label} {match.share:.1f}",
            f"name-words={match.label} {min(match.end - match.start, _LONGEST_NAME)}",
        )
        for place in range(match.start, match.end):
            prefix = "I" if place > match.start else "B"
            rows[place] += [f"name={prefix}-{match.label}", *told]
        if match.start > 0:
            rows[match.start - 1].append(f"+1:name={match.label}")
        if match.end < len(rows):
            rows[match.end].append(f"-1:name={match.label}")
    return rows

"""From log-probabilities per word to well-formed tags: Viterbi under the IOB2 rules."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.problems import UserError
from annotation.tags import OUTSIDE
from inference.pieces import IntArray

FloatArray = NDArray[np.float32]

_NEVER = -1e4
"""A logit that leaves no probability, and no infinity to reckon with."""


class TagDecoder:
    """Finds the most probable well-formed tag sequence, for many reports at once.

    `names` are the model's outputs in their order. Raises UserError unless they are O and, for
    each label, B- and I-.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        labels = {name[2:] for name in names if name != OUTSIDE}
        expected = {OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in "BI")}
        if set(names) != expected or len(set(names)) != len(names) or not all(labels) or not labels:
            raise UserError(
                f"the model's outputs are {', '.join(names)}; "
                "expected O, and B- and I- of each label (IOB2)"
            )
        # Of each label: its B- and its I-, and the two in the order in which ties are settled.
        begin = [self.names.index(f"B-{label}") for label in sorted(labels)]
        self._begin = np.array(begin)
        self._inside = np.array([self.names.index(f"I-{label}") for label in sorted(labels)])
        self._lower = np.minimum(self._begin, self._inside)
        self._higher = np.maximum(self._begin, self._inside)

    def cut_before(self, logits: FloatArray, words: NDArray[np.bool_]) -> FloatArray:
        """The logits [words, tags] with which no span goes on into one of `words` [words]."""
        cut = logits.copy()
        cut[np.ix_(words, self._inside)] = _NEVER
        return cut

    def decode(self, log_probs: Sequence[FloatArray]) -> list[IntArray]:
        """For each report's [words, tags] the best tag indices, [words]."""
        counts = np.array([len(one) for one in log_probs], np.int64)
        empty = np.zeros((0, len(self.names)), np.float32)
        path = self.decode_all(np.concatenate([empty, *log_probs]), counts)
        return np.split(path, np.cumsum(counts)[:-1]) if len(counts) else []

    def decode_all(self, log_probs: FloatArray, word_counts: IntArray) -> IntArray:
        """The best tag indices [words] of reports that stand one behind the other.

        Among equally good sequences the one with the lower tag indices wins, read from the end.
        `log_probs` [words of all reports, tags], `word_counts` [reports].
        """
        path = np.zeros(len(log_probs), np.int64)
        if not len(path):
            return path
        # Ragged rows, longest first: at word t the first `active[t]` rows are still running.
        starts, lengths = self._stretches(log_probs, word_counts)
        active = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left").tolist()
        back = np.empty(log_probs.shape, np.int16)
        # An I- may only follow the B- or I- of its own label, all else may follow anything.
        scores = log_probs[starts].astype(np.float64)
        scores[:, self._inside] = -np.inf
        for t in range(1, len(active)):
            n = active[t]
            rows = starts[:n] + t
            running = scores[:n]
            lower, higher = running[:, self._lower], running[:, self._higher]
            best = running.argmax(1)
            back[rows] = best[:, None]
            back[rows[:, None], self._inside] = np.where(higher > lower, self._higher, self._lower)
            reached = np.repeat(running.max(1)[:, None], running.shape[1], axis=1)
            reached[:, self._inside] = np.maximum(higher, lower)
            scores[:n] = reached + log_probs[rows]
        tag = scores.argmax(1)
        for t in range(len(active) - 1, 0, -1):
            n = active[t]
            rows = starts[:n] + t
            path[rows] = tag[:n]
            tag[:n] = back[rows, tag[:n]]
        path[starts] = tag
        return path

    def _stretches(self, log_probs: FloatArray, word_counts: IntArray) -> tuple[IntArray, IntArray]:
        """First words and lengths of stretches that can be decoded each alone, longest first.

        A stretch begins with a report, and with a word whose I- are all less probable than the B-
        of their labels: there an I- is never best, since the B- fits wherever the I- does; and
        what is no I- may follow anything.
        """
        likelier = log_probs[:, self._begin] > log_probs[:, self._inside]
        alone: NDArray[np.bool_] = np.asarray(likelier.all(1))
        begins = np.cumsum(word_counts) - word_counts
        alone[begins[word_counts > 0]] = True
        starts = np.flatnonzero(alone)
        lengths = np.diff(starts, append=len(log_probs))
        order = np.argsort(-lengths, kind="stable")
        return starts[order], lengths[order]


def log_softmax(logits: FloatArray) -> FloatArray:
    """Over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result

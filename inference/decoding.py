"""From log-probabilities per word to well-formed tags: Viterbi under the IOB2 rules."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.problems import UserError
from annotation.tags import OUTSIDE
from inference.pieces import IntArray

FloatArray = NDArray[np.float32]


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
        inside = np.array([name.startswith("I-") for name in names])
        label = [name[2:] for name in names]
        follows = np.array(
            [
                [not inside[b] or label[a] == label[b] for b in range(len(names))]
                for a in range(len(names))
            ]
        )
        # [from, to]: log 1 or log 0. An I- may only follow the B- or I- of its own label.
        self._transitions = np.where(follows, 0, -np.inf).astype(np.float32)
        self._first = np.where(inside, -np.inf, 0).astype(np.float32)

    def decode(self, log_probs: Sequence[FloatArray]) -> list[IntArray]:
        """For each report's [words, tags] the best tag indices, [words].

        Among equally good sequences the one with the lower tag indices wins, read from the end.
        """
        order = sorted(range(len(log_probs)), key=lambda i: -len(log_probs[i]))
        lengths = np.array([len(log_probs[i]) for i in order])
        results: list[IntArray] = [np.zeros(0, np.int64)] * len(order)
        order, lengths = order[: int((lengths > 0).sum())], lengths[lengths > 0]
        if not order:
            return results
        # Ragged rows, longest first: at word t the first `active[t]` rows are still running.
        active = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")
        back = [np.zeros((0, 0), np.int16)]
        scores = np.stack([log_probs[i][0] for i in order]) + self._first
        for t in range(1, int(lengths[0])):
            n = int(active[t])
            reach = scores[:n, :, None] + self._transitions
            back.append(reach.argmax(1).astype(np.int16))
            scores[:n] = reach.max(1) + np.stack([log_probs[i][t] for i in order[:n]])
        best = scores.argmax(1)
        for row, (index, length) in enumerate(zip(order, lengths, strict=True)):
            path = np.empty(length, np.int64)
            path[-1] = best[row]
            for t in range(int(length) - 1, 0, -1):
                path[t - 1] = back[t][row, path[t]]
            results[index] = path
        return results


def log_softmax(logits: FloatArray) -> FloatArray:
    """Over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result

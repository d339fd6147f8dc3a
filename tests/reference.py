"""The reference that every engine is held against, and when two engines may differ."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from annotation.report import Report, Span
from annotation.tags import spans_to_tags
from annotation.words import Word
from inference.decoding import FloatArray
from inference.engine import TorchEngine
from inference.model_folder import load_model
from inference.pieces import ends
from inference.predictor import BatchPredictor

TIE = 1e-4
"""Two paths as near as this may be told apart by rounding."""


class Reference:
    """One unpadded window at a time in PyTorch fp32, then our merging and decoding."""

    def __init__(self, folder: Path) -> None:
        loaded = load_model(folder, "cpu")
        self.tags = loaded.tags
        self.engine = TorchEngine(
            loaded.model, loaded.tokenizer.pad_token_id, loaded.window_size, step=1
        )
        self.predictor = BatchPredictor(
            self.engine,
            loaded.tokenizer,
            loaded.tags,
            window_size=loaded.window_size,
            batch_tokens=1,
            crosses_lines=loaded.crosses_lines,
        )

    def differing(self, reports: Sequence[Report], found: Sequence[Report]) -> list[str]:
        """Ids of the reports where `found` has other spans, and not for a tie."""
        chunk = self.predictor._read(list(reports))
        for index in range(len(chunk.windows.texts)):
            self.predictor._run(chunk, [index], raising=True)
        log_probs = self.predictor._decode(chunk).log_probs
        begins = ends(chunk.readings.word_counts)
        wrong = []
        for number, (report, expected, other) in enumerate(
            zip(reports, self.predictor.predict(reports), found, strict=True)
        ):
            assert report.id == expected.id == other.id
            if expected.spans != other.spans:
                own = slice(begins[number], begins[number + 1])
                words = [Word(*word) for word in chunk.readings.words[own].tolist()]
                best = self._score(log_probs[own], words, expected.spans or ())
                if best - self._score(log_probs[own], words, other.spans or ()) > TIE:
                    wrong.append(report.id)
        return wrong

    def _score(self, log_probs: FloatArray, words: Sequence[Word], spans: Sequence[Span]) -> float:
        """Of the path that says these spans, by the reference's probabilities."""
        tags = [self.tags.index(tag) for tag in spans_to_tags(words, spans).tags]
        return float(log_probs[np.arange(len(tags)), tags].astype(np.float64).sum())

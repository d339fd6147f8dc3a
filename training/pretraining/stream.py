"""Texts become one long stream of piece ids on disk, read once and mapped into memory after."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.duplicates import near_duplicates_among
from annotation.files import write_json
from training.pretraining.focus import Focus, PieceIds

log = logging.getLogger(__name__)

CHUNK = 5_000
"""Texts that are compared and tokenised together."""


@dataclass(frozen=True, slots=True)
class TextStream:
    """Piece ids of all texts one after the other, each closed by the separator."""

    train: PieceIds
    held_out: PieceIds
    like: PieceIds
    """Of the reports that show what kind of text matters."""
    counts: dict[str, int]
    """Texts, words and pieces that went in, and texts left out as near-duplicates."""


def write_stream(
    texts: Iterable[str],
    tokenizer: Any,
    folder: Path,
    *,
    exclude: Sequence[str],
    held_out: float,
    like: Sequence[str] = (),
) -> None:
    """Tokenise `texts` into `folder`, without near-duplicates of `exclude`.

    A text is held out by what it says, so that its copies are held out with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ("texts", "words", "excluded", "train_pieces", "held_out_pieces", "like_pieces")
    counts = dict.fromkeys(names, 0)
    separator, dtype = tokenizer.sep_token_id, np.min_scalar_type(len(tokenizer))

    def pieces(texts: Sequence[str]) -> Iterator[PieceIds]:
        encodings = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return (np.array([*encoding.ids, separator], dtype) for encoding in encodings)

    with (folder / "like.ids").open("wb") as file:
        for ids in pieces(list(like)):
            ids.tofile(file)
            counts["like_pieces"] += len(ids)
    with (folder / "train.ids").open("wb") as train, (folder / "held_out.ids").open("wb") as other:
        for chunk in _chunks(texts):
            kept = _without_copies(chunk, exclude)
            counts["excluded"] += len(chunk) - len(kept)
            counts["texts"] += len(kept)
            counts["words"] += sum(len(text.split()) for text in kept)
            for text, ids in zip(kept, pieces(kept), strict=True):
                side = other if _share_of(text) < held_out else train
                ids.tofile(side)
                counts["held_out_pieces" if side is other else "train_pieces"] += len(ids)
            log.info("tokenised %d texts, %d pieces", counts["texts"], counts["train_pieces"])
    write_json({"dtype": dtype.name, **counts}, folder / "counts.json")


def open_stream(folder: Path) -> TextStream:
    """Map what `write_stream` wrote."""

    counts = json.loads((folder / "counts.json").read_text("utf-8"))
    dtype = np.dtype(counts.pop("dtype"))

    def ids(name: str) -> PieceIds:
        file = folder / name
        # An empty file cannot be mapped.
        return np.memmap(file, dtype, "r") if file.stat().st_size else np.zeros(0, dtype)

    return TextStream(ids("train.ids"), ids("held_out.ids"), ids("like.ids"), counts)


def is_whole(folder: Path) -> bool:
    """Whether `write_stream` came to its end there."""
    return (folder / "counts.json").is_file()


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def _without_copies(texts: Sequence[str], exclude: Sequence[str]) -> list[str]:
    if not exclude:
        return list(texts)
    copies = {pair.first for pair in near_duplicates_among(texts, exclude)}
    return [text for number, text in enumerate(texts) if number not in copies]


def _share_of(text: str) -> float:
    """A number from 0 to 1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


class Sequences:
    """Cuts the stream into sequences without padding, in an order decided by the seed alone.

    Every epoch begins somewhere else in the stream, so that its sequences are cut elsewhere too.
    """

    def __init__(
        self,
        stream: PieceIds,
        length: int,
        seed: int,
        before: int,
        after: int,
        focus: Focus | None = None,
    ) -> None:
        """`length` counts the two special pieces that frame each sequence."""
        self._stream = stream
        self._inner = length - 2
        self._seed = seed
        self._focus = focus
        self._frame = (before, after)
        self._epoch = -1
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._offset = 0
        # One less than fits, so that every offset leaves the last sequence whole.
        self._cut = len(stream) // self._inner - 1
        self.per_epoch = focus.kept(self._cut) if focus else self._cut

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """[count, length]: the sequences numbered from `first` on, counted over all epochs."""
        rows = np.empty((count, self._inner + 2), np.int64)
        rows[:, 0], rows[:, -1] = self._frame
        for row, number in enumerate(range(first, first + count)):
            self._enter(number // self.per_epoch)
            start = self._offset + self._order[number % self.per_epoch] * self._inner
            rows[row, 1:-1] = self._stream[start : start + self._inner]
        return rows

    def _enter(self, epoch: int) -> None:
        if epoch != self._epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._order = np.asarray(random.permutation(self._cut), np.int64)
            self._offset = int(random.integers(self._inner))
            if self._focus:
                end = self._offset + self._cut * self._inner
                near = self._focus.nearest(
                    self._stream[self._offset : end].reshape(self._cut, self._inner)
                )
                self._order = self._order[near[self._order]]
            self._epoch = epoch


def iterate_texts(reports: Iterable[Any]) -> Iterator[str]:
    """The texts of reports that say anything."""
    return (report.text for report in reports if report.text.strip())

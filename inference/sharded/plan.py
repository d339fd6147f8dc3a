"""Cuts the inputs of a run into shards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotation.files import sha256_of_file
from annotation.formats.source import Source
from annotation.formats.stretch_reader import Contents, StretchReader
from annotation.formats.stretches import Limits, Stretch, cut_source
from annotation.problems import UserError, place
from inference.sharded.settings import RunSettings

SHARD_LINES = 5_000
"""Of short reports no more than these: each costs something, however short it is."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an input."""

    source: Source
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of the inputs whose predictions become one file."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def begins(self) -> str:
        """Where in the inputs it begins."""
        first = self.pieces[0]
        return place(first.source.name, first.stretch.first_line, None)


@dataclass(frozen=True, slots=True)
class InputState:
    """What an input was when it was cut."""

    source: Source
    sha256: str | None
    """None where it could not be read."""
    size: int
    modified_ns: int

    @classmethod
    def of(cls, source: Source) -> "InputState":
        """The state of an input now. Raises UserError for one that can be read only once."""
        path = _path_of(source)
        if path.exists() and not path.is_file():
            raise UserError(
                f"{source.name}: is no file, so it can be read only once, and not after a stop; "
                "save it in a file, or give it to standard input as -"
            )
        try:
            status = path.stat()
            return cls(source, sha256_of_file(path), status.st_size, status.st_mtime_ns)
        except OSError:
            return cls(source, None, 0, 0)

    def check_unchanged(self) -> None:
        """Raise UserError where the file was touched since."""
        if self.sha256 is None:
            return
        try:
            status = _path_of(self.source).stat()
            same = (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns)
        except OSError:
            same = False
        if not same:
            raise UserError(
                f"{self.source.name}: was changed while it was read; the shards that are done are "
                "of what it was before: begin again in another folder"
            )


def plan_shards(sources: Sequence[Source], settings: RunSettings) -> list[Shard]:
    """The shards of the inputs in order; they follow from the bytes of the inputs alone.

    Raises UserError where a reader would. Every input is read through once.
    """
    limits = Limits(settings.shard_bytes, SHARD_LINES)
    shards: list[Shard] = []
    pieces: list[Piece] = []
    size = lines = 0
    for source in sources:
        for stretch in cut_source(source, settings.options, limits):
            pieces.append(Piece(source, stretch))
            size += stretch.size
            lines += stretch.lines
            if size >= limits.bytes or lines >= limits.lines:
                shards.append(Shard(len(shards), tuple(pieces)))
                pieces, size, lines = [], 0, 0
    if pieces:
        shards.append(Shard(len(shards), tuple(pieces)))
    return shards


def load_pieces(reader: StretchReader, pieces: Iterable[Piece]) -> Iterator[Contents]:
    """Bring pieces into memory, one after the other."""
    for piece in pieces:
        yield from reader.read(piece.source, piece.stretch)


def _path_of(source: Source) -> Path:
    assert source.path is not None, "standard input is kept in a file before it is cut"
    return source.path

"""Opening what comes in and goes out: compressed or not, whole or not at all."""

import gzip
import hashlib
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from annotation.problems import UserError

COMPRESSIONS = (".gz", ".zst", ".xz")
UNFINISHED = ".part"
"""What the name of a file ends in while it is written."""
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading a damaged file raises."""

_CHUNK_BYTES = 1 << 17
_PACKED_BYTES = 1 << 12
"""Read at once of a .zst: little, as repetitive text unpacks to a thousand times as much."""


def open_bytes(path: Path) -> IO[bytes]:
    """Open for reading, unpacking .gz, .zst and .xz."""
    match path.suffix:
        case ".gz":
            return cast(IO[bytes], gzip.open(path, "rb"))
        case ".xz":
            return cast(IO[bytes], lzma.open(path, "rb"))
        case ".zst":
            return io.BufferedReader(_ZstdReader(path.open("rb")), buffer_size=_CHUNK_BYTES)
        case _:
            return path.open("rb")


class _ZstdReader(io.RawIOBase):
    """Unpacks .zst and raises EOFError where it ends too early.

    The library's own stream reader takes a file that was cut short for a whole one.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside_frame = False
        self._left = b""
        """Packed bytes that belong to the next frame."""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            packed = self._left or self._packed.read(_PACKED_BYTES)
            if not packed:
                if self._inside_frame:
                    raise EOFError("the packed file ends too early: it was cut short")
                return 0
            self._ready = memoryview(self._frame.decompress(packed))
            self._inside_frame = not self._frame.eof
            self._left = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._packed.close()
        super().close()


def plain_suffix(path: Path) -> str:
    """The suffix that tells the format, below any compression: `.jsonl` of `a.jsonl.gz`."""
    name = path.with_suffix("") if path.suffix in COMPRESSIONS else path
    return name.suffix.lower()


@contextmanager
def open_output(path: Path, encoding: str = "utf-8") -> Iterator[IO[str]]:
    """Open a text for writing that appears under its name only when it is whole.

    Packs by the suffix as `open_bytes` unpacks. Line breaks are written as they are given.
    """
    with open_output_bytes(path) as raw:
        text = io.TextIOWrapper(raw, encoding=encoding, newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def open_output_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only when it is whole."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected the name of a file to write")
    partial = path.with_name(path.name + UNFINISHED)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = partial.open("wb")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    stream: IO[bytes] = raw
    match path.suffix:
        case ".gz":
            # No time stamp inside: the same content gives the same file.
            stream = cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
        case ".xz":
            stream = cast(IO[bytes], lzma.LZMAFile(raw, "wb"))  # noqa: SIM115
        case ".zst":
            stream = cast(IO[bytes], zstandard.ZstdCompressor().stream_writer(raw, closefd=False))
    try:
        yield stream
        if stream is not raw:
            stream.close()
        raw.close()
        partial.replace(path)
    except BaseException:
        raw.close()
        partial.unlink(missing_ok=True)
        raise


def write_json(content: object, path: Path) -> None:
    """Write as readable JSON, whole or not at all."""
    with open_output(path) as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.write("\n")


def sha256_of_file(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""What the user names as inputs becomes a list of files with a format each."""

import io
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from annotation.bundled import find_file
from annotation.files import COMPRESSIONS, open_bytes, plain_suffix
from annotation.problems import Repair, UserError

STANDARD_INPUT = "-"

READ_SUFFIXES: Mapping[str, str] = {
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "label-studio",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or standard input where `path` is None, or a stretch of either."""

    name: str
    """As the user gave it, for messages."""
    path: Path | None
    format: str
    text_id: str
    """The id of its report, where the file is one report."""
    content: bytes | None = field(default=None, repr=False)
    """The unpacked bytes of a stretch; None: all that stands in the file."""
    first_line: int = 1
    """The number of the stretch's first line or row, behind the header where it has one."""

    @property
    def packed(self) -> bool:
        """Whether its file has to be unpacked."""
        return self.path is not None and self.path.suffix in COMPRESSIONS

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes, to be read once from beginning to end."""
        if self.content is not None:
            yield io.BytesIO(self.content)
        elif self.path is None:
            yield sys.stdin.buffer
        else:
            with open_bytes(self.path) as stream:
                yield stream

    @contextmanager
    def open_seekable(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes with any offset in reach, in memory where the file gives no other."""
        with self.open() as stream:
            read_once = self.content is None and (self.path is None or self.packed)
            yield io.BytesIO(stream.read()) if read_once else stream


def find_sources(
    names: Sequence[str | Path], format: str | None
) -> tuple[list[Source], list[Repair]]:
    """The files behind `names`, those of folders in order of their paths, and what is left out.

    Raises UserError that names all missing files, and all whose format cannot be told.
    """
    sources: list[Source] = []
    left_out: list[Repair] = []
    problems: list[str] = []
    for given in names:
        name = str(given)
        if name == STANDARD_INPUT:
            sources.append(Source("stdin", None, format or "jsonl", "stdin"))
            continue
        try:
            path = find_file(given)
        except UserError as error:
            problems.append(str(error))
            continue
        if path.is_dir():
            inside, skipped = _files_of_folder(path, format)
            sources += inside
            left_out += skipped
            if not inside:
                problems.append(f"{name}: holds no file to read; {_formats_told()}")
        else:
            told = format or READ_SUFFIXES.get(plain_suffix(path))
            if told is None:
                problems.append(f"{name}: its name does not tell its format; {_formats_told()}")
            else:
                sources.append(Source(name, path, told, _stem(Path(path.name))))
    if problems:
        raise UserError("\n".join(problems))
    return _with_distinct_text_ids(sources), left_out


def _files_of_folder(folder: Path, format: str | None) -> tuple[list[Source], list[Repair]]:
    sources, skipped = [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        told = format or READ_SUFFIXES.get(plain_suffix(path))
        if told is None or path.name.startswith("."):
            message = "its name tells no format that is read here"
            skipped.append(Repair(str(path), None, None, "file of a folder left out", message))
        else:
            sources.append(Source(str(path), path, told, _stem(path.relative_to(folder))))
    return sources, skipped


def _stem(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix in COMPRESSIONS else path
    return plain.with_suffix("").as_posix()


def _with_distinct_text_ids(sources: Sequence[Source]) -> list[Source]:
    """Where files of two folders would get one id, their whole names tell them apart."""
    counts = Counter(source.text_id for source in sources)
    return [
        replace(source, text_id=Path(source.name).as_posix())
        if counts[source.text_id] > 1
        else source
        for source in sources
    ]


def _formats_told() -> str:
    suffixes = ", ".join(READ_SUFFIXES)
    packed = ", ".join(COMPRESSIONS)
    formats = ", ".join(sorted({*READ_SUFFIXES.values(), "label-studio-predictions"}))
    return f"expected {suffixes} (also packed: {packed}), or --from with one of {formats}"

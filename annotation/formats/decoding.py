"""Bytes to text, and what to say where they are not in the encoding that was expected."""

import codecs
from collections.abc import Iterable, Iterator

from annotation.problems import UserError
from annotation.report import InvalidReport

_ARABIC_PUNCTUATION = "،؛؟"
_CONTEXT_BYTES = 10_000


def check_encoding(encoding: str) -> None:
    """Raise UserError unless `encoding` is one whose line breaks are ASCII's."""
    try:
        fits = "a\n".encode(encoding).endswith(b"a\n")
    except LookupError:
        raise UserError(
            f"--encoding {encoding}: no such text encoding; expected one that Python knows, "
            "such as utf-8 or windows-1256"
        ) from None
    if not fits:
        raise UserError(
            f"--encoding {encoding}: cannot be read line by line; save the file as UTF-8"
        )


def numbered_lines(stream: Iterable[bytes], first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers from `first` on, ended by `\\n` alone.

    The byte order mark of line 1 is taken off.
    """
    for number, line in enumerate(stream, first):
        yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line


def decode(raw: bytes, encoding: str, whole: str) -> str:
    """Decode `raw`, which is the `whole` ("line", "file") that offsets are told in.

    Raises InvalidReport (`not_utf8`) that names the first byte that is wrong.
    """
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidReport("not_utf8", [undecodable(raw, error.start, encoding, whole)]) from None


def undecodable(raw: bytes, offset: int, encoding: str, whole: str) -> str:
    """What to say of the byte at `offset`, and the encoding to try where it can be told."""
    message = f"byte 0x{raw[offset]:02X} at byte {offset} of the {whole} is not {encoding.upper()}"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"{message}; it begins as UTF-16 does: save it as UTF-8"
    if looks_like_windows_1256(raw[max(0, offset - _CONTEXT_BYTES) : offset + _CONTEXT_BYTES]):
        return f"{message}; it reads as windows-1256 Arabic: give --encoding windows-1256"
    return message


def looks_like_windows_1256(raw: bytes) -> bool:
    """Whether most of what is not ASCII in `raw` would be Arabic in windows-1256.

    Damaged UTF-8 is told apart by its second bytes, which are signs in windows-1256, so that only
    every other character of it would be Arabic.
    """
    foreign = [c for c in raw.decode("windows-1256", "replace") if c > "\x7f"]
    arabic = sum("ء" <= c <= "ْ" or c in _ARABIC_PUNCTUATION for c in foreign)
    return arabic >= 3 and arabic >= 0.7 * len(foreign)

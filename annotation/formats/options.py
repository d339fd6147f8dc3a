"""How to read an input, where its file does not say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a user may state about inputs; each reader takes what concerns it."""

    format: str | None = None
    """A name of `reading.READERS`; None: told by the file's name, for standard input `jsonl`."""
    text_column: str = "text"
    """The key or column of the text."""
    id_column: str = "id"
    """The key or column of the id."""
    encoding: str = "utf-8"
    """Of text, JSONL, JSON, CSV and CoNLL files; a UTF-8 byte order mark is always taken off."""
    annotators: str | None = None
    """Whose spans to take of tasks that several people annotated: all, first, majority, a name."""
    with_spans: bool = True
    """False: spans in the input are not looked at, and every report comes with `spans` None."""

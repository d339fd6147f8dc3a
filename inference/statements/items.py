"""A sentence as a row of words, signs and spans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import regex

from annotation.report import Span
from inference.numbers.spelling import fold
from inference.statements.sentences import Sentence

Kind = Literal["word", "sign", "ACTOR", "LOCATION", "COUNT"]

_SPANS: dict[str, Kind] = {"ACTOR": "ACTOR", "LOCATION": "LOCATION", "COUNT": "COUNT"}
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}_]+|[^\s\p{Cf}]")


@dataclass(frozen=True, slots=True)
class Item:
    """A word, a sign, or a whole span."""

    kind: Kind
    start: int
    end: int
    raw: str
    word: str
    """Folded; of a span, what it covers."""
    span: Span | None = None

    @property
    def proclitics(self) -> str:
        """What is glued before the span: of a name as it was read, of a number a first و ب ل."""
        if self.span is None:
            return ""
        told = self.span.fields.get("proclitics")
        if isinstance(told, str):
            return told
        return self.word[0] if self.kind == "COUNT" and self.word[0] in "وبلف" else ""

    @property
    def is_joined(self) -> bool:
        """Whether و joins it to what stands before."""
        return self.proclitics.startswith("و")


def sentence_items(text: str, sentence: Sentence, spans: Sequence[Span]) -> list[Item]:
    """The items of `sentence` in order; `spans` are those that begin in it, sorted."""
    items: list[Item] = []
    at = sentence.start
    for span in spans:
        kind = _SPANS.get(span.label)
        if kind is None:
            continue
        items += _words(text, at, span.start)
        covered = text[span.start : span.end]
        items.append(Item(kind, span.start, span.end, covered, fold(covered) or covered, span))
        at = span.end
    items += _words(text, at, sentence.end)
    return items


def _words(text: str, start: int, end: int) -> list[Item]:
    items = []
    for found in _TOKEN.finditer(text, start, end):
        raw = found.group()
        is_word = raw[0].isalnum() or raw[0] == "_"
        kind: Kind = "word" if is_word else "sign"
        items.append(
            Item(kind, found.start(), found.end(), raw, (fold(raw) or raw) if is_word else raw)
        )
    return items

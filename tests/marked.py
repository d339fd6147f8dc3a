"""Reports written with their spans in the text."""

from typing import Any

from annotation.report import Report, Span

LABELS = {"A": "ACTOR", "L": "LOCATION", "C": "COUNT"}


def report(marked: str, id: str = "r", **fields: Any) -> Report:
    """`[A:نص]` marks an ACTOR, [L: a LOCATION, [C: a COUNT."""
    text, spans = "", []
    for part in marked.split("["):
        inside, closed, rest = part.partition("]")
        if closed:
            label, _, name = inside.partition(":")
            spans.append(Span(len(text), len(text) + len(name), LABELS[label]))
            text += name + rest
        else:
            text += part
    return Report(id, text, tuple(spans), fields)

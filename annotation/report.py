"""The two types that everything passes around: a report and a span in it.

Offsets are Unicode code points into the raw text exactly as the user gave it, `end` exclusive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.problems import Reason


class InvalidReport(ValueError):
    """A report that breaks the rules; `problems` tells every one of them."""

    def __init__(self, reason: Reason, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.reason = reason
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A labelled stretch of a report. Two spans are equal when start, end and label are."""

    start: int
    end: int
    label: str
    score: float | None = field(default=None, compare=False)
    """The probability that it is right where the model is calibrated, else the lowest tag
    probability among its words; None for what a person marked."""
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Further keys that the span carried in its file; they come out again."""


@dataclass(frozen=True, slots=True)
class Report:
    """A text with an id and, once somebody or something has read it, its spans.

    `spans` is None where nobody has looked yet, and empty where there is nothing to find. They
    are kept sorted. Raises InvalidReport when the text is not a string that UTF-8 can hold, or a
    span is not inside the text, is empty or reversed, or overlaps another.
    """

    id: str
    text: str
    spans: tuple[Span, ...] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the report (`source`, `date`, …); they come out again."""

    def __post_init__(self) -> None:
        check_text(self.text)
        if self.spans is not None:
            ordered = tuple(sorted(self.spans))
            problems = span_problems(self.text, ordered)
            if problems:
                raise InvalidReport("bad_span", problems)
            object.__setattr__(self, "spans", ordered)


def check_text(text: object) -> None:
    """Raise InvalidReport unless `text` is a string without lone surrogates."""
    if not isinstance(text, str):
        found = "nothing" if text is None else f"{type(text).__name__} {text!r:.40}"
        raise InvalidReport("no_text", [f"text is {found}, expected a string"])
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidReport(
            "lone_surrogate",
            [
                f"text has the lone surrogate U+{ord(text[error.start]):04X} at {error.start}, "
                "half of a character that was cut in two; expected whole characters"
            ],
        ) from None


def span_problems(text: str, spans: Sequence[Span]) -> list[str]:
    """What is wrong with `spans` (sorted by start) on `text`, a sentence each."""
    problems = []
    for span in spans:
        named = f"{span.label} {span.start}–{span.end}"
        if span.start >= span.end:
            problems.append(f"span {named} is {'empty' if span.start == span.end else 'reversed'}")
        elif span.start < 0 or span.end > len(text):
            problems.append(f"span {named} is outside the text of {len(text)} characters")
    reached: Span | None = None
    for span in spans:
        if reached is not None and span.start < reached.end:
            problems.append(
                f"span {span.label} {span.start}–{span.end} overlaps "
                f"{reached.label} {reached.start}–{reached.end}"
            )
        if reached is None or span.end > reached.end:
            reached = span
    return problems

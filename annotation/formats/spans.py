"""JSON objects ↔ spans."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.report import Span

OWN_KEYS = ("start", "end", "label", "score")
"""What a span's object holds by itself; all other keys are kept in `Span.fields`."""


def parse_spans(value: object) -> tuple[list[Span], list[str]]:
    """The spans that a JSON value holds, and why the others are none, a sentence each.

    Only the form is looked at; `annotation.report.span_problems` knows the rest.
    """
    if not isinstance(value, list):
        return [], [f"spans is {describe(value)}, expected a list"]
    spans, problems = [], []
    for number, item in enumerate(value, 1):
        wrong = _form_problems(item)
        if wrong:
            problems += [f"span {number}: {problem}" for problem in wrong]
        else:
            spans.append(_parse_span(item))
    return spans, problems


def offset_problems(value: Mapping[str, Any]) -> list[str]:
    """What is wrong with the form of `start` and `end`, a sentence each."""
    return [
        f"{key} is {describe(value.get(key))}, expected a whole number"
        for key in ("start", "end")
        # A bool is an int to Python, but nobody means it as an offset.
        if type(value.get(key)) is not int
    ]


def _form_problems(item: object) -> list[str]:
    if not isinstance(item, Mapping):
        return [f"is {describe(item)}, expected an object with start, end and label"]
    problems = offset_problems(item)
    label, score = item.get("label"), item.get("score")
    if not isinstance(label, str) or not label:
        problems.append(f"label is {describe(label)}, expected a name")
    if score is not None and (
        isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score)
    ):
        problems.append(f"score is {describe(score)}, expected a number")
    return problems


def _parse_span(item: Mapping[str, Any]) -> Span:
    score = item.get("score")
    return Span(
        item["start"],
        item["end"],
        item["label"],
        None if score is None else float(score),
        {key: value for key, value in item.items() if key not in OWN_KEYS},
    )


def merge_equal(spans: Sequence[Span]) -> tuple[list[Span], int]:
    """`spans` with exact repetitions left out, and how many those were. The first is kept."""
    merged = list(dict.fromkeys(spans))
    return merged, len(spans) - len(merged)


def span_to_json(span: Span, text: str | None = None) -> dict[str, Any]:
    """The object of a span, with what it covers where `text` is given."""
    covered = {} if text is None else {"text": text[span.start : span.end]}
    score = {} if span.score is None else {"score": span.score}
    known = {"start": span.start, "end": span.end, "label": span.label, **covered, **score}
    return known | {key: value for key, value in span.fields.items() if key not in known}


def further_keys(span: Span) -> list[str]:
    """The span's keys that only JSON and Parquet can hold; `text` follows from the offsets."""
    return [key for key in span.fields if key != "text"]


def same_text(one: str, other: str) -> bool:
    """Whether two texts are equal but for what Label Studio changes in the texts of regions.

    It writes a line break as a backslash and an n, makes one blank of several and trims.
    """
    return one == other or _loosened(one) == _loosened(other)


def _loosened(text: str) -> str:
    return " ".join(text.replace("\\r", " ").replace("\\n", " ").split())


def describe(value: object) -> str:
    """A value as a message names it: `nothing`, or its type and its beginning."""
    return "nothing" if value is None else f"{type(value).__name__} {repr(value)[:40]}"

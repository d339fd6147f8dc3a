"""The regions of a Label Studio annotation become spans."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.formats.spans import describe, merge_equal, offset_problems, same_text
from annotation.report import Span, span_problems

SPAN_TYPE = "labels"
"""The type of the regions that are spans of a text."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What an annotation says of a text: spans, what keeps it from being used, what was changed."""

    spans: tuple[Span, ...] = ()
    problems: tuple[str, ...] = ()
    repairs: list[tuple[str, str]] = field(default_factory=list)
    """Kind and message of each."""


def regions_to_spans(result: object, text: str, text_name: str, *, scored: bool = False) -> Marked:
    """Read the `result` of an annotation or, `scored`, of a prediction on `text`.

    `text_name` is the control that shows the text, for tasks that have several. Offsets are code
    points, unless those of UTF-16 units fit what the regions say they cover more often.
    """
    if not isinstance(result, list):
        return Marked(problems=(f"result is {describe(result)}, expected a list",))
    repairs: list[tuple[str, str]] = []
    problems: list[str] = []
    regions = _span_regions(result, text, text_name, problems, repairs)
    offsets = [(region["value"]["start"], region["value"]["end"]) for region in regions]
    offsets = _repaired_offsets(regions, offsets, text, problems, repairs)
    found = [
        Span(start, end, region["value"]["labels"][0], _score(region) if scored else None)
        for region, (start, end) in zip(regions, offsets, strict=True)
    ]
    for region, span in zip(regions, found, strict=True):
        told, covered = region["value"].get("text"), text[max(0, span.start) : max(0, span.end)]
        if isinstance(told, str) and not same_text(told, covered):
            message = f"{span.label} {span.start}–{span.end} covers {covered!r:.60}, "
            message += f"but its text is {told!r:.60}; the offsets were kept"
            repairs.append(("span text differs", message))
    spans, repeated = merge_equal(found)
    if repeated:
        repairs.append(("repeated spans merged", f"{repeated} stood there more than once"))
    spans.sort()
    problems += span_problems(text, spans)
    return Marked(() if problems else tuple(spans), tuple(problems), repairs)


def _span_regions(
    result: Sequence[object],
    text: str,
    text_name: str,
    problems: list[str],
    repairs: list[tuple[str, str]],
) -> list[Mapping[str, Any]]:
    """The regions that are spans of `text`, well formed. All else is entered."""
    others: Counter[str] = Counter()
    marked: list[Mapping[str, Any]] = []
    for number, region in enumerate(result, 1):
        if not isinstance(region, Mapping):
            problems.append(f"region {number} is {describe(region)}, expected an object")
        elif region.get("type") != SPAN_TYPE:
            others[str(region.get("type"))] += 1
        else:
            marked.append(region)
    if others:
        named = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        repairs.append(("regions that are no spans left alone", named))
    shown = _regions_of_text(marked, text, text_name)
    if len(shown) < len(marked):
        message = f"{len(marked) - len(shown)} regions are of another text of the task"
        repairs.append(("regions of another text left out", message))
    return [region for region in shown if _is_span(region, problems, repairs)]


def _is_span(
    region: Mapping[str, Any], problems: list[str], repairs: list[tuple[str, str]]
) -> bool:
    named = f"region {region.get('id', '')}".rstrip()
    value = region.get("value")
    if not isinstance(value, Mapping):
        problems.append(f"{named}: value is {describe(value)}, expected an object")
        return False
    wrong = offset_problems(value)
    labels = value.get("labels")
    if not wrong and not labels:
        where = f"{named} at {value['start']}–{value['end']}"
        repairs.append(("regions without a label left out", f"{where} has no label"))
        return False
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        wrong.append(f"labels is {describe(labels)}, expected a list with a name")
    elif len(labels) > 1:
        wrong.append(f"has the labels {', '.join(labels)}, expected one")
    problems += [f"{named}: {problem}" for problem in wrong]
    return not wrong


def _regions_of_text(
    regions: Sequence[Mapping[str, Any]], text: str, text_name: str
) -> list[Mapping[str, Any]]:
    """The regions of one text control: that of the text's name, else the one that fits best."""
    # A region that names no control is of the text: nothing else could be meant.
    names = list(dict.fromkeys(region["to_name"] for region in regions if region.get("to_name")))
    if len(names) < 2:
        return list(regions)
    groups = {name: [r for r in regions if r.get("to_name") in (name, None)] for name in names}
    if text_name in groups:
        return groups[text_name]
    return max(groups.values(), key=lambda group: fit(group, text) / len(group))


def fit(regions: Sequence[object], text: str) -> int:
    """How many of `regions` say of themselves what `text` has at their offsets."""
    fitting = 0
    for region in regions:
        value = region.get("value") if isinstance(region, Mapping) else None
        if isinstance(value, Mapping) and not offset_problems(value):
            fitting += _covers(text, value["start"], value["end"], value.get("text"))
    return fitting


def _covers(text: str, start: int | None, end: int | None, told: object) -> bool:
    return (
        isinstance(told, str)
        and start is not None
        and end is not None
        and 0 <= start < end <= len(text)
        and same_text(told, text[start:end])
    )


def _score(region: Mapping[str, Any]) -> float | None:
    score = region.get("score")
    return float(score) if isinstance(score, int | float) and type(score) is not bool else None


class _Utf16:
    """Turns offsets in UTF-16 units into code points."""

    def __init__(self, text: str) -> None:
        has_astral = max(text, default="") > "\uffff"
        astral = (
            [i for i, character in enumerate(text) if character > "\uffff"] if has_astral else []
        )
        # Each character beyond the first plane takes two units, and shifts all after it by one.
        self._starts = [index + shift for shift, index in enumerate(astral)]

    def __bool__(self) -> bool:
        return bool(self._starts)

    def code_point(self, offset: int) -> int | None:
        """None for an offset between the two halves of a character."""
        before = bisect_left(self._starts, offset)
        if before and self._starts[before - 1] == offset - 1:
            return None
        return offset - before


def _repaired_offsets(
    regions: Sequence[Mapping[str, Any]],
    offsets: list[tuple[int, int]],
    text: str,
    problems: list[str],
    repairs: list[tuple[str, str]],
) -> list[tuple[int, int]]:
    """Code points for offsets that were exported in UTF-16 units (2021 to 2024), else as given."""
    utf16 = _Utf16(text)
    if not utf16:
        return offsets
    converted = [(utf16.code_point(start), utf16.code_point(end)) for start, end in offsets]
    told = [region["value"].get("text") for region in regions]
    as_given = sum(_covers(text, *pair, what) for pair, what in zip(offsets, told, strict=True))
    as_utf16 = sum(_covers(text, *pair, what) for pair, what in zip(converted, told, strict=True))
    if as_utf16 <= as_given:
        return offsets
    message = f"{as_utf16} of {len(regions)} regions fit their text so, {as_given} as they stood"
    repairs.append(("UTF-16 offsets converted", message))
    result = []
    for given, (start, end) in zip(offsets, converted, strict=True):
        if start is None or end is None:
            problems.append(f"UTF-16 offsets {given[0]}–{given[1]} cut a character in two")
            result.append(given)
        else:
            result.append((start, end))
    return result

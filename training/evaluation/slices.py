"""Where a model is good and where it is not: groups of spans, each with figures of its own.

A slice is a named function from a report and a span of it to the name of the span's group, or None
for a span that is in none. Gold and predicted spans are grouped by the same function, so it must
go by place and label alone. One's own is a line:

    weekday = lambda report, span: report.fields.get("weekday")

in a file `mine.py`, and `--slice mine:weekday`; from Python, a further entry beside SLICES.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import regex

from annotation.duplicates import fold
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import Counts, count_report
from annotation.split import source_of
from annotation.words import find_words
from inference.pieces import read_pieces
from training.augmentation.clitics import CliticReader
from training.evaluation.bootstrap import CountTable

Group = Callable[[Report, Span], str | None]

LONG_PIECES = 512
"""What an encoder of BERT's kind reads at once; further pieces come through further windows."""
_LENGTHS = (100, 300, 1000)
_LONGEST_COUNTED = 4
_DIGIT = regex.compile(r"\p{N}")


def report_length(report: Report, span: Span) -> str:
    """How many words the report has."""
    words = _count_words(report.text)
    place = bisect_left(_LENGTHS, words)
    if place == len(_LENGTHS):
        return f"over {_LENGTHS[-1]} words"
    return f"{_LENGTHS[place - 1] + 1 if place else 0}–{_LENGTHS[place]} words"


@lru_cache(maxsize=4)  # the spans of a report come one after the other
def _count_words(text: str) -> int:
    return len(find_words(text))


def span_length(report: Report, span: Span) -> str:
    """How many words the span has."""
    words = len(find_words(report.text[span.start : span.end]))
    if words >= _LONGEST_COUNTED:
        return f"{_LONGEST_COUNTED} words or more"
    return "1 word" if words == 1 else f"{words} words"


def digits_or_words(report: Report, span: Span) -> str:
    """Whether a digit stands in the span: `12` or `اثني عشر`."""
    return "digits" if _DIGIT.search(report.text, span.start, span.end) else "words"


SLICES: dict[str, Group] = {
    "source": lambda report, span: source_of(report),
    "report_length": report_length,
    "span_length": span_length,
    "digits_or_words": digits_or_words,
}
"""The slices that need the gold reports alone."""


def position_slice(tokenizer: Any, reports: Sequence[Report]) -> Group:
    """Whether a span begins within a report's first 512 pieces, or beyond them."""
    readings = read_pieces(tokenizer, [report.text for report in reports])
    border = {
        report.id: int(reading.offsets[LONG_PIECES, 0])
        for report, reading in zip(reports, readings, strict=True)
        if len(reading.offsets) > LONG_PIECES
    }

    def position(report: Report, span: Span) -> str:
        beyond = report.id in border and span.start >= border[report.id]
        return f"beyond {LONG_PIECES} pieces" if beyond else f"first {LONG_PIECES} pieces"

    return position


def seen_slice(training: Sequence[Report]) -> Group:
    """Whether training reports hold a span of the same label and words, proclitics apart.

    Words are compared without marks, tatweel and case, as near-duplicates are.
    """
    known = [(span.label, _folded(r, span)) for r in training for span in r.spans or ()]
    reader = CliticReader(words[0] for _, words in known if words)

    def bare(words: tuple[str, ...]) -> tuple[str, ...]:
        read = reader.read(words[0])
        return words if read is None else (read.word, *words[1:])

    names = {(label, bare(words)) for label, words in known if words}

    def seen(report: Report, span: Span) -> str | None:
        words = _folded(report, span)
        if not words:
            return None
        return "seen" if (span.label, bare(words)) in names else "unseen"

    return seen


def _folded(report: Report, span: Span) -> tuple[str, ...]:
    folded = fold(report.text[span.start : span.end])
    return tuple(folded[start:end] for start, end in find_words(folded))


def load_slices(names: Sequence[str]) -> dict[str, Group]:
    """The user's own slices, `MODULE:FUNCTION` each; modules of the working folder are found.

    Raises UserError that tells all that cannot be had.
    """
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    slices: dict[str, Group] = {}
    problems = []
    for name in names:
        module, colon, function = name.partition(":")
        try:
            if not (module and colon and function):
                raise ValueError("expected MODULE:FUNCTION")
            group = getattr(import_module(module), function)
            if not callable(group):
                raise TypeError(f"{function} is a {type(group).__name__}, expected a function")
            slices[function] = group
        # Whatever a file of the user's raises while it is read.
        except Exception as error:
            problems.append(f"--slice {name}: {type(error).__name__}: {error}")
    if problems:
        raise UserError("\n".join(problems))
    return slices


def slice_tables(
    name: str, group: Group, pairs: Sequence[tuple[Report, Sequence[Span]]], labels: Sequence[str]
) -> dict[str, CountTable]:
    """Strict counts of gold reports and the spans predicted in each, a table a group."""
    counted: dict[str, dict[int, Mapping[str, Counts]]] = {}
    for index, (report, predicted) in enumerate(pairs):
        gold_of = _grouped(name, group, report, report.spans or ())
        predicted_of = _grouped(name, group, report, predicted)
        for key in {**gold_of, **predicted_of}:
            counts = count_report(gold_of.get(key, ()), predicted_of.get(key, ()))
            counted.setdefault(key, {})[index] = counts
    return {key: CountTable.of(counted[key], labels) for key in sorted(counted)}


def _grouped(
    name: str, group: Group, report: Report, spans: Sequence[Span]
) -> dict[str, list[Span]]:
    grouped: dict[str, list[Span]] = {}
    for span in spans:
        try:
            key = group(report, span)
        # Whatever a function of the user's raises.
        except Exception as error:
            place = f"{report.id}, {span.label} {span.start}–{span.end}"
            raise UserError(
                f"slice {name}: failed on {place}: {type(error).__name__}: {error}"
            ) from None
        if key is not None:
            grouped.setdefault(str(key), []).append(span)
    return grouped

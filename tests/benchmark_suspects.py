"""How many of the mistakes that were put into a corpus on purpose are found again.

    python tests/benchmark_suspects.py

Spoils 5 % of the spans of the bundled corpus, a quarter of them in each of four ways: a span is
left out, an edge is moved by a word, the label is another, or a span stands where none was. Then it
ranks suspects by k-fold disagreement with the CRF, as `training suspects --baseline` does: fitted
on the spoilt reports, since nobody has others. Prints precision and recall among the first k
suspects, all ways together and recall of each. A suspect is right where it overlaps what was
spoilt. Some minutes on one core.

What it takes for a false alarm may be a mistake of the corpus itself: precision is a lower bound.
`--json` prints the figures as JSON.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report, Span
from annotation.words import Word, find_words
from training.folds import fold_reports
from training.suspects.find import rank_suspects
from training.suspects.suspicion import Suspect

Way = Literal["left out", "edge moved", "other label", "added"]
WAYS: tuple[Way, ...] = get_args(Way)
SHARE = 0.05
LONGEST_ADDED = 3


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A mistake that was made on purpose."""

    report: str
    way: Way
    start: int
    end: int
    """All that the right span and the wrong one cover."""


def spoil(reports: Sequence[Report], share: float, seed: int) -> tuple[list[Report], list[Spoilt]]:
    """The reports with a `share` of their spans spoilt, and what was done.

    An added span counts as one of the share: it is put beside a span that was drawn, in its report.
    """
    draw = random.Random(seed)
    places = [(i, span) for i, report in enumerate(reports) for span in report.spans or ()]
    labels = sorted({span.label for _, span in places})
    draw.shuffle(places)
    spans_of = [list(report.spans or ()) for report in reports]
    words_of = [find_words(report.text) for report in reports]
    spoilt: list[Spoilt] = []
    wanted = round(share * len(places))
    for i, span in places:
        if len(spoilt) == wanted:
            break
        way = WAYS[len(spoilt) % len(WAYS)]
        spans, text = spans_of[i], reports[i].text
        if way == "left out":
            wrong = None
        elif way == "other label":
            wrong = replace(span, label=draw.choice([x for x in labels if x != span.label]))
        elif way == "edge moved":
            wrong = _with_other_edge(span, spans, words_of[i], text, draw)
        else:
            # Not where one was left out: that would be put right.
            taken = [*spans, *(reports[i].spans or ())]
            wrong = _elsewhere(taken, words_of[i], text, labels, draw)
        if way != "left out" and wrong is None:
            continue  # There was no room: the next one is spoilt so.
        if way != "added":
            spans.remove(span)
        touched = [wrong] if wrong is not None else []
        spans += touched
        covered = touched if way == "added" else [span, *touched]
        start, end = min(s.start for s in covered), max(s.end for s in covered)
        spoilt.append(Spoilt(reports[i].id, way, start, end))
    changed = [
        Report(report.id, report.text, tuple(spans), report.fields)
        for report, spans in zip(reports, spans_of, strict=True)
    ]
    return changed, spoilt


def _with_other_edge(
    span: Span, spans: Sequence[Span], words: Sequence[Word], text: str, draw: random.Random
) -> Span | None:
    """One edge a word further out or in; None where there is no room."""
    first = next(i for i, word in enumerate(words) if word.end > span.start)
    last = next(i for i in range(len(words) - 1, -1, -1) if words[i].start < span.end)
    others = [other for other in spans if other != span]
    moved = [(first - 1, last), (first + 1, last), (first, last - 1), (first, last + 1)]
    possible = [
        replace(span, start=words[i].start, end=words[j].end)
        for i, j in moved
        if 0 <= i <= j < len(words)
    ]
    possible = [one for one in possible if _is_free(one, others, text)]
    return draw.choice(possible) if possible else None


def _elsewhere(
    spans: Sequence[Span],
    words: Sequence[Word],
    text: str,
    labels: Sequence[str],
    draw: random.Random,
) -> Span | None:
    """A span of one to three words where none was; None where there is no room."""
    length = draw.randint(1, LONGEST_ADDED)
    label = draw.choice(labels)
    possible = [
        Span(words[i].start, words[i + length - 1].end, label)
        for i in range(len(words) - length + 1)
    ]
    possible = [one for one in possible if _is_free(one, spans, text)]
    return draw.choice(possible) if possible else None


def _is_free(span: Span, others: Sequence[Span], text: str) -> bool:
    """Whether it crosses no line break and overlaps none of the others."""
    return "\n" not in text[span.start : span.end] and not any(
        other.start < span.end and span.start < other.end for other in others
    )


def measure(ranked: Sequence[Suspect], spoilt: Sequence[Spoilt]) -> dict[str, Any]:
    """Precision and recall among the first k suspects, for several k, and recall of each way."""
    by_report: dict[str, list[Spoilt]] = {}
    for one in spoilt:
        by_report.setdefault(one.report, []).append(one)
    hits = [
        [
            one
            for one in by_report.get(suspect.disagreement.document, ())
            if one.start < suspect.disagreement.end and suspect.disagreement.start < one.end
        ]
        for suspect in ranked
    ]
    in_all = {way: sum(one.way == way for one in spoilt) for way in WAYS}
    figures = {}
    for k in (100, 250, 500, len(spoilt), 2 * len(spoilt), len(ranked)):
        found = {one for hit in hits[:k] for one in hit}
        figures[k] = {
            "precision": sum(bool(hit) for hit in hits[:k]) / max(min(k, len(ranked)), 1),
            "recall": len(found) / len(spoilt),
            "recall_of": {way: sum(one.way == way for one in found) / in_all[way] for way in WAYS},
        }
    return {"spoilt": len(spoilt), "suspects": len(ranked), "at": figures}


def describe(measured: dict[str, Any]) -> list[str]:
    """The figures as a table."""
    lines = [
        f"{measured['spoilt']} spans spoilt, {measured['suspects']} suspects",
        f"{'first k':>8}{'precision':>11}{'recall':>8}" + "".join(f"{way:>13}" for way in WAYS),
    ]
    for k, row in measured["at"].items():
        ways = "".join(f"{row['recall_of'][way]:13.3f}" for way in WAYS)
        lines.append(f"{k:8}{row['precision']:11.3f}{row['recall']:8.3f}{ways}")
    return lines


def main() -> int:
    """Spoil, rank, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with Ledger() as ledger:
        reports = list(ledger.sort(read_records([HOME / CORPUS])))
    changed, spoilt = spoil(reports, SHARE, arguments.seed)
    ranked = rank_suspects(fold_reports(changed, arguments.folds, arguments.seed))
    measured = measure(ranked, spoilt)
    print(json.dumps(measured, indent=2) if arguments.json else "\n".join(describe(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

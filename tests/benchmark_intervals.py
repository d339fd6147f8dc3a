"""Whether 95 % intervals hold what they should as often as they say.

    python tests/benchmark_intervals.py

Invents archives of reports whose errors hang together, as those of real reports do: each report has
its own difficulty, and many spans or few. From an archive so large that its figures are known it
draws evaluations of a few reports again and again, and counts how often the interval holds the
known figure: of micro F1, macro F1, a rare label's F1, and of the difference of two models. Of two
equally good models it counts how often p falls below 0.05. About a minute on one core.

Exits with 1 if a coverage is not within 93 to 97 %. `--json` prints the figures as JSON.
"""

import argparse
import json
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotation.scoring import FIGURES
from training.evaluation.bootstrap import (
    CountTable,
    IntArray,
    Resampling,
    find_intervals,
    find_p_values,
    resample_figures,
    totals_to_figures,
)

LABELS = ("ACTOR", "COUNT", "RARE")
FREQUENCIES = (12.0, 8.0, 0.7)
"""Gold spans a report, on average."""
ARCHIVE = 200_000
F1 = FIGURES.index("f1")
RARE, MICRO, MACRO = 2, len(LABELS), len(LABELS) + 1
LOW, HIGH = 0.93, 0.97


@dataclass(frozen=True, slots=True)
class Archive:
    """[reports, labels, 3] counts of two models on the same reports."""

    one: IntArray
    other: IntArray


def invent_archive(draw: np.random.Generator, better: float) -> Archive:
    """Two models; the other finds a share `better` of what the one misses."""
    size = (ARCHIVE, len(LABELS))
    means = np.array(FREQUENCIES)
    gold = draw.negative_binomial(1.5, 1.5 / (1.5 + means), size)
    ease = draw.beta(4, 2, ARCHIVE)[:, None]
    found = draw.binomial(gold, ease)
    return Archive(
        _with_wrong_ones(draw, gold, draw.binomial(found, 0.9), ease),
        _with_wrong_ones(
            draw, gold, draw.binomial(found, 0.9) + draw.binomial(gold - found, better), ease
        ),
    )


def _with_wrong_ones(
    draw: np.random.Generator, gold: IntArray, matched: IntArray, ease: npt.NDArray[np.float64]
) -> IntArray:
    wrong = draw.poisson((1 - ease) * (gold + 0.2) * 0.8)
    return np.stack([matched, matched + wrong, gold], -1)


def table_of(counts: IntArray) -> CountTable:
    """The table of one evaluation."""
    held = np.flatnonzero(counts.any((1, 2)))
    return CountTable(LABELS, held, counts[held])


def simulate(
    archive: Archive, reports: int, rounds: int, resamples: int, draw: np.random.Generator
) -> dict[str, float]:
    """The shares of intervals that hold the archive's own figure, and of p below 0.05."""
    known = totals_to_figures(archive.one.sum(0))
    difference = totals_to_figures(archive.other.sum(0)) - known
    hits = dict.fromkeys(("micro F1", "macro F1", "rare label's F1", "difference"), 0)
    asked = dict.fromkeys(hits, 0)
    below = 0
    for number in range(rounds):
        drawn = draw.integers(0, ARCHIVE, reports)
        tables = [table_of(side[drawn]) for side in (archive.one, archive.other)]
        one, other = resample_figures(tables, reports, Resampling(resamples, seed=number))
        ends = find_intervals(one, tables[0].holders, 0.95)
        of_difference = find_intervals(other - one, tables[0].holders, 0.95)
        for name, row, found, truth in (
            ("micro F1", MICRO, ends, known),
            ("macro F1", MACRO, ends, known),
            ("rare label's F1", RARE, ends, known),
            ("difference", MICRO, of_difference, difference),
        ):
            low, high = found[row, F1]
            if not np.isnan(low):
                asked[name] += 1
                hits[name] += bool(low <= truth[row, F1] <= high)
        observed = tables[1].figures - tables[0].figures
        below += bool(find_p_values(other - one, observed, tables[0].holders)[MICRO, F1] < 0.05)
    shares = {name: hits[name] / asked[name] for name in hits}
    return {**shares, "p below 0.05": below / rounds}


def main() -> int:
    """Simulate, print a table or JSON, and give the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3000, help="evaluations of each size")
    parser.add_argument("--resamples", type=int, default=1000, help="of each evaluation")
    parser.add_argument("--reports", type=int, nargs="+", default=[20, 50, 150], help="sizes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    draw = np.random.default_rng(13)
    better, equal = invent_archive(draw, 0.15), invent_archive(draw, 0.0)
    figures = {}
    for reports in arguments.reports:
        covered = simulate(better, reports, arguments.rounds, arguments.resamples, draw)
        covered.pop("p below 0.05")
        same = simulate(equal, reports, arguments.rounds, arguments.resamples, draw)
        covered["p below 0.05, equal models"] = same["p below 0.05"]
        figures[reports] = covered
        if not arguments.json:
            told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in covered.items())
            print(f"{reports} reports: {told}", flush=True)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    shares = [s for one in figures.values() for name, s in one.items() if "p below" not in name]
    return 0 if all(LOW <= share <= HIGH for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main())

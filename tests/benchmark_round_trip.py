"""How long 1,000 reports take into Label Studio and back.

    python tests/benchmark_round_trip.py

The bundled corpus, over again under other ids until there are enough, goes with its spans into a
new project of a server that starts empty; all is pulled, and then pulled again, when there is
nothing new. Exit status 1 where anything else came back than what was sent.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice, pairwise
from pathlib import Path

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import label_studio_server
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.pull import pull_reports
from annotation.push import push_reports
from annotation.report import Report

STEPS = ("push", "pull", "pull again")


def main() -> int:
    """Measure, print, and say whether all came back."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reports", type=int, default=1_000)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    with Ledger() as ledger:
        corpus = list(ledger.sort(read_records([find_file(CORPUS)])))
    reports = list(renamed(corpus, arguments.reports))
    characters, spans = (
        sum(len(one.text) for one in reports),
        sum(len(one.spans or ()) for one in reports),
    )
    print(f"{len(reports)} reports, {characters} characters, {spans} spans")
    turns, lost = [], 0
    with (
        tempfile.TemporaryDirectory() as folder,
        label_studio_server(Path(folder) / "server") as studio,
        LabelStudioClient(studio.url, studio.account.token) as client,
    ):
        for turn in range(arguments.repetitions):
            output = Path(folder) / f"round-trip-{turn}.jsonl"
            turns.append(round_trip(client, reports, output))
            lost += len(changed(reports, output))
    for name, seconds in zip(STEPS, zip(*turns, strict=True), strict=True):
        each = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"{name:10} {statistics.median(seconds):5.1f} s (median of {each})")
    print(f"{lost} reports came back otherwise than they were sent")
    return int(lost > 0)


def renamed(corpus: Sequence[Report], count: int) -> Iterator[Report]:
    """`count` reports, each with an id of its own."""
    for number, report in enumerate(islice(cycle(corpus), count)):
        yield replace(report, id=f"{report.id}-{number}", fields={})


def round_trip(
    client: LabelStudioClient, reports: Sequence[Report], output: Path
) -> tuple[float, ...]:
    """Seconds of each step."""
    times = [time.perf_counter()]
    pushed = push_reports(client, reports, Ledger(), labels=load_labels(), title=output.stem)
    times.append(time.perf_counter())
    for _ in STEPS[1:]:
        pull_reports(client, pushed.project, output)
        times.append(time.perf_counter())
    return tuple(end - start for start, end in pairwise(times))


def changed(reports: Sequence[Report], output: Path) -> list[str]:
    """The ids of the reports that `output` lacks, or has with another text or other spans."""
    back = {
        record.id: (record.text, record.spans)
        for record in read_records([output])
        if isinstance(record, Report)
    }
    return [one.id for one in reports if back.get(one.id) != (one.text, one.spans)]


if __name__ == "__main__":
    sys.exit(main())

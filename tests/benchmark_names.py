"""How many spans a second are read and matched on one core, and how many rightly.

    python tests/benchmark_names.py

On the bundled corpus: reading bare names; matching names with the table that it has, as it writes
them or normalised, each for the first time; all names and actors of a report together, as
`facts` does it. Beside the speeds stand the figures on the checked spans, and every error. Exit
status 1 where fewer than 50,000 spans a second are read, or exactly or normalised matched.
"""

import csv
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report
from inference.actors import Actor, ActorMatcher, load_actors
from inference.facts import FactReader
from inference.names import NAMED, BareName, NameReader
from inference.names.letters import name_words

WANTED = 50_000
ROUNDS = 5
HERE = Path(__file__).parent


def main() -> int:
    """Measure, print, and say whether it was quick enough."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with Ledger() as ledger:
        reports = list(ledger.sort(read_records([HOME / CORPUS])))
    actors = load_actors()
    quick = show_speeds(reports, actors)
    show_figures(reports, actors)
    return 0 if quick else 1


def show_speeds(reports: Sequence[Report], actors: Sequence[Actor]) -> bool:
    """Print spans a second of each step, and say whether those that must be are quick enough."""
    named = sum(span.label in NAMED for report in reports for span in report.spans or ())
    table = list(ActorMatcher(actors).names())

    def read_names() -> None:
        reader = NameReader(table)
        for report in reports:
            reader.learn(report)
        for report in reports:
            reader.read(report)

    names = [
        name.name
        for report, found in bare_names(reports, table)
        for span, name in zip(report.spans or (), found, strict=True)
        if name is not None and span.label == "ACTOR"
    ]
    matcher = ActorMatcher(actors)
    hows = {name: matcher.match(name).how for name in names}
    easy = [name for name in hows if hows[name] in ("exact", "normalised")]

    def match_easy() -> None:
        fresh._found.clear()
        for name in easy:
            fresh.match(name)

    def match_all() -> None:
        fresh._found.clear()
        for name in names:
            fresh.match(name)

    def read_facts() -> None:
        reader = FactReader(actors)
        for report in without_counts:
            reader.learn(report)
        for report in without_counts:
            reader.read(report)

    fresh = ActorMatcher(actors)
    without_counts = [
        Report(r.id, r.text, tuple(s for s in r.spans or () if s.label in NAMED), r.fields)
        for r in reports
    ]
    print(f"{len(names):,} ACTOR spans, {len(hows):,} names, {len(easy):,} of them as in the table")
    quick = [
        speed("bare names, learned and read", named, read_names),
        speed("exact and normalised matches, no name twice", len(easy), match_easy),
    ]
    speed("all matches, known or not", len(names), match_all)
    speed("names, matches and clusters of reports", named, read_facts)
    return min(quick) >= WANTED


def speed(what: str, spans: int, work: Callable[[], None]) -> float:
    """Spans a second in the best of a few rounds: the machine may be busy with other work."""
    best = min(timed(work) for _ in range(ROUNDS))
    print(f"{what:<45} {spans / best:>10,.0f} spans/s")
    return spans / best


def timed(work: Callable[[], None]) -> float:
    name_words.cache_clear()
    started = time.process_time()
    work()
    return time.process_time() - started


def bare_names(
    reports: Sequence[Report], table: Sequence[str]
) -> list[tuple[Report, list[BareName | None]]]:
    reader = NameReader(table)
    for report in reports:
        reader.learn(report)
    return [(report, reader.read(report)) for report in reports]


def show_figures(reports: Sequence[Report], actors: Sequence[Actor]) -> None:
    """Print how many of the checked spans are read rightly, and which are not."""
    run, alone = FactReader(actors), FactReader(actors)
    for report in reports:
        run.learn(report)
    by_id = {report.id: report for report in reports}
    for name in ("names_checked.csv", "names_checked_again.csv"):
        show_name_figures(name, run, alone, by_id)
    for name in ("actors_checked.csv", "actors_checked_again.csv"):
        show_actor_figures(name, run, by_id)


def show_name_figures(
    file: str, run: FactReader, alone: FactReader, by_id: dict[str, Report]
) -> None:
    rows = checked(file)
    # A reader that has learned nothing has a report's own names to go by, and no other's.
    for told, reader in (("in a run", run), ("report by report", alone)):
        wrong = []
        for row in rows:
            fields = fields_of(reader, by_id[row["report"]], row)
            if (fields["proclitics"], fields["name"]) != (row["proclitics"], row["name"]):
                wrong.append(f"{row['text']}: {fields['name']} ({fields['name_evidence']})")
        print(f"\nbare names of {file}, {told}: {len(rows) - len(wrong)} of {len(rows)} right")
        print("\n".join(f"  {one}" for one in wrong))


def show_actor_figures(file: str, run: FactReader, by_id: dict[str, Report]) -> None:
    rows = checked(file)
    given = right = among = 0
    wrong = []
    for row in rows:
        fields = fields_of(run, by_id[row["report"]], row)
        found, meant = fields["actor_id"], row["actor_id"]
        given += found is not None
        right += found is not None and found == meant
        among += bool(meant) and (found == meant or meant in fields.get("candidates", ()))
        if (found or "") != meant:
            candidates = ", ".join(fields.get("candidates", ()))
            wrong.append(f"{row['text']}: {found or candidates or 'unknown'}, meant {meant or '-'}")
    there = sum(bool(row["actor_id"]) for row in rows)
    print(f"\nactors of {file}: precision {right}/{given} = {right / given:.3f}", end=", ")
    print(f"recall {right}/{there} = {right / there:.3f}", end=", ")
    print(f"with candidates {among}/{there} = {among / there:.3f}; of {len(rows)} spans")
    print("\n".join(f"  {one}" for one in wrong))


def checked(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fields_of(reader: FactReader, report: Report, row: dict[str, str]) -> Mapping[str, Any]:
    """What was read of the row's span."""
    place = int(row["start"]), int(row["end"])
    spans = {(span.start, span.end): span for span in reader.read(report).spans or ()}
    return spans[place].fields


if __name__ == "__main__":
    sys.exit(main())

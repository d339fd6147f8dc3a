"""How many statements a second one core reads, and how many of the checked ones are right.

    python tests/benchmark_statements.py
    python tests/benchmark_statements.py --figures      # without the speed

`statement_sample.tsv` has 150 numbers of the bundled corpus with who did it, to whom and where,
tied by hand (offsets; `counted`: those who are counted; `-`: nobody or nowhere; `?`: left open).
`event_sample.tsv` has 92 rows without a number that were read over: what each should say, `-` where
it should say nothing or should not be, `?` where it said nothing, which was not judged.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report
from inference.actors import load_actors
from inference.facts import FactReader
from inference.places import load_gazetteer
from inference.statements import Statement, StatementReader, Tie, number_groups
from inference.statements.columns import located
from inference.statements.same_toll import TollKey

ROUNDS = 5
SAMPLE = Path(__file__).with_name("statement_sample.tsv")
EVENT_SAMPLE = Path(__file__).with_name("event_sample.tsv")
TIES = ("who", "whom", "where")


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--figures", action="store_true", help="leave the speed out")
    only_figures = parser.parse_args(arguments).figures
    reader = FactReader(load_actors(), load_gazetteer())
    reports = list(Ledger().sort(read_records([find_file(CORPUS)])))
    for report in reports:
        reader.learn(report)
    read = [reader.read(report) for report in reports]
    statements = [one for report in read for one in StatementReader().read(report)]
    if not only_figures:
        show_speed(read, statements)
    show_coverage(statements)
    by_id = {report.id: report for report in read}
    show_figures(by_id)
    show_event_figures(by_id)


def show_speed(reports: Sequence[Report], statements: Sequence[Statement]) -> None:
    """Statements a second, in the best of a few rounds, of reports whose facts were read."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for report in reports:
            StatementReader().read(report)
        seconds.append(time.process_time() - started)
    print(f"statements: {len(statements) / min(seconds):,.0f} a second")
    started = time.process_time()
    number_groups([TollKey.of(statement) for statement in statements])
    print(f"same tolls: {len(statements) / (time.process_time() - started):,.0f} a second")


def show_coverage(statements: Sequence[Statement]) -> None:
    """How many statements have what, and how often it was guessed."""
    events = sum(one.event is not None for one in statements)
    print(f"{len(statements):,} statements, {events:,} of them without a number")
    for name in TIES:
        ties = [tie for one in statements if (tie := getattr(one, name)) is not None]
        guessed = sum(tie.guessed for tie in ties)
        print(f"  {name}: {len(ties):,}, of them guessed {guessed:,}")
    print(f"  on the map: {sum(bool(located(one)) for one in statements):,}")
    groups = number_groups([TollKey.of(statement) for statement in statements])
    print(f"  told elsewhere too: {len(groups):,}")


def show_figures(reports: dict[str, Report]) -> None:
    """Precision and recall of each tie on the checked statements, and what is wrong."""
    for name in TIES:
        right = given = there = sure = sure_right = 0
        wrong = []
        for row in checked():
            if row[name] == "?":
                continue
            statement = statement_at(reports[row["report"]], int(row["start"]))
            tie = getattr(statement, name)
            found = read_as(tie)
            given += found != "-"
            there += row[name] != "-"
            right += found == row[name] != "-"
            if tie is not None and not tie.guessed:
                sure += 1
                sure_right += found == row[name]
            if found != row[name]:
                rule = "" if tie is None else f" ({tie.rule}{'?' * tie.guessed})"
                wrong.append(f"{row['report']} {row['start']}: {found}{rule}, meant {row[name]}")
        print(f"\n{name}: precision {right}/{given} = {right / given:.3f}", end=", ")
        print(f"recall {right}/{there} = {right / there:.3f}", end=", ")
        print(f"not guessed {sure_right}/{sure} = {sure_right / sure:.3f}")
        print("\n".join(f"  {one}" for one in wrong))


def show_event_figures(reports: dict[str, Report]) -> None:
    """Precision of the checked rows without a number, and what is wrong."""
    for name in ("what", *TIES):
        given, wrong = event_figures(reports, name)
        right = given - len(wrong)
        print(f"\nevents, {name}: precision {right}/{given} = {right / given:.3f}")
        print("\n".join(f"  {one}" for one in wrong))


def event_figures(reports: dict[str, Report], name: str) -> tuple[int, list[str]]:
    """How many of the checked events say something in a column, and what is wrong of it."""
    given, wrong = 0, []
    for row in checked(EVENT_SAMPLE):
        start = int(row["start"])
        told = StatementReader().read(reports[row["report"]])
        one = next((s for s in told if s.event is not None and s.event.start == start), None)
        if one is None or one.event is None or row[name] == "?":
            continue
        found = one.event.what if name == "what" else read_as(getattr(one, name))
        given += found != "-"
        if found not in ("-", row[name]):
            wrong.append(f"{row['report']} {start}: {found}, meant {row[name]}")
    return given, wrong


def checked(sample: Path = SAMPLE) -> list[dict[str, str]]:
    header, *lines = sample.read_text("utf-8").splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def statement_at(report: Report, start: int) -> Statement:
    """The statement that has the COUNT there, as one end of a range or alone."""
    statements = StatementReader().read(report)
    return next(one for one in statements if start in [span.start for span in one.counts])


def read_as(tie: Tie | None) -> str:
    """A tie as the file of checked statements has it."""
    if tie is None:
        return "-"
    if tie.rule == "counted":
        return "counted"
    places = sorted((party.span.start, party.span.end) for party in tie.parties)
    return ";".join(f"{start}-{end}" for start, end in places)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How many statements a second one core reads, and how many of the checked ones are right.

    python tests/benchmark_statements.py
    python tests/benchmark_statements.py --figures      # without the speed

`statement_sample.tsv` has 150 numbers of the bundled corpus with who did it, to whom and where,
tied by hand (offsets; `counted`: those who are counted; `-`: nobody or nowhere; `?`: left open).
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
    show_figures({report.id: report for report in read})


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
    print(f"{len(statements):,} statements")
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


def checked() -> list[dict[str, str]]:
    header, *lines = SAMPLE.read_text("utf-8").splitlines()
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

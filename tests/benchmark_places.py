"""How many spans a second get their places on one core, how many rightly, and of how large a file.

    python tests/benchmark_places.py
    python tests/benchmark_places.py --rows 13000000 --folder /tmp/places
    python tests/benchmark_places.py --gazetteer allCountries.zip

On the bundled corpus: places of all reports, their names read before, with what was met remembered
and without; then all facts of names, parties and places together. Beside the speeds stand the
figures on the checked spans, and every error. Exit status 1 where fewer than 20,000 spans a second
get their places.

With --rows, a file of as many rows in GeoNames' format is written, indexed and asked instead; with
--gazetteer, a file that is there. Time, size and the most memory that was held are printed.
"""

import argparse
import csv
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report
from inference.actors import load_actors
from inference.facts import FactReader
from inference.names import NAMED, BareName, NameReader
from inference.places import Gazetteer, PlaceReader, load_gazetteer
from inference.places.index import open_index

WANTED = 20_000
ROUNDS = 5
HERE = Path(__file__).parent


def main() -> int:
    """Measure, print, and say whether it was quick enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, help="index a generated gazetteer of so many rows")
    parser.add_argument("--gazetteer", type=Path, help="index this gazetteer")
    parser.add_argument("--folder", type=Path, help="where the generated file and its index go")
    arguments = parser.parse_args()
    if arguments.rows or arguments.gazetteer:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.folder or Path(temporary)
            path = arguments.gazetteer or generate(arguments.rows, folder)
            show_index(path, folder / "cache")
        return 0
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with Ledger() as ledger:
        reports = list(ledger.sort(read_records([HOME / CORPUS])))
    gazetteer = load_gazetteer()
    quick = show_speeds(reports, gazetteer)
    show_figures(reports, gazetteer)
    return 0 if quick else 1


def generate(rows: int, folder: Path) -> Path:
    """A file of places that are nowhere, one in ten with a name in Arabic script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"generated-{rows}.txt"
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            arabic = f"Tall {number},تل {number}" if number % 10 == 0 else f"Tall {number}"
            latitude, longitude = number % 180 - 90, number % 360 - 180
            cells = [number, f"Tell {number}", f"Tell {number}", arabic, latitude, longitude]
            cells += [
                "P",
                "PPL",
                "SY",
                "",
                "07",
                "",
                "",
                "",
                0,
                "",
                0,
                "Asia/Damascus",
                "2024-01-01",
            ]
            file.write("\t".join(map(str, cells)) + "\n")
    return path


def show_index(path: Path, cache: Path) -> None:
    """Print what indexing and asking cost."""
    for what in ("indexed", "opened again"):
        started = time.perf_counter()
        index = open_index(path, cache)
        seconds = time.perf_counter() - started
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{what:<14} {seconds:>8.1f} s, most memory held {held:,.0f} MB")
        places = len(index)
        started = time.perf_counter()
        for number in range(0, 20_000, 10):
            index.lookup(f"تل {number}")
        print(f"asked          {2_000 / (time.perf_counter() - started):>8,.0f} names/s")
        index.close()
    size = sum(one.stat().st_size for one in cache.iterdir())
    file = path.stat().st_size
    print(f"{places:,} places; file {file / 1e6:,.0f} MB, index {size / 1e6:,.0f} MB")


def show_speeds(reports: Sequence[Report], gazetteer: Gazetteer) -> bool:
    """Print spans a second of each step, and say whether places are found quickly enough."""
    actors = load_actors()
    names = NameReader((), gazetteer.names())
    named: list[tuple[Report, list[BareName | None]]] = [(one, names.read(one)) for one in reports]
    places = sum(span.label == "LOCATION" for one in reports for span in one.spans or ())
    both = sum(span.label in NAMED for one in reports for span in one.spans or ())
    remembering = PlaceReader(gazetteer)

    def find(reader: PlaceReader) -> None:
        for one, bare in named:
            reader.read(one, bare)

    def read_facts() -> None:
        reader = FactReader(actors, gazetteer)
        for one in without_counts:
            reader.learn(one)
        for one in without_counts:
            reader.read(one)

    without_counts = [
        Report(one.id, one.text, tuple(s for s in one.spans or () if s.label in NAMED), one.fields)
        for one in reports
    ]
    print(f"{places:,} LOCATION spans")
    speed("places, nothing remembered", places, lambda: find(PlaceReader(gazetteer)))
    quick = speed("places, names met before", places, lambda: find(remembering))
    speed("names, parties and places of reports", both, read_facts)
    return quick >= WANTED


def speed(what: str, spans: int, work: Callable[[], None]) -> float:
    """Spans a second in the best of a few rounds: the machine may be busy with other work."""
    best = min(timed(work) for _ in range(ROUNDS))
    print(f"{what:<45} {spans / best:>10,.0f} spans/s")
    return spans / best


def timed(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def show_figures(reports: Sequence[Report], gazetteer: Gazetteer) -> None:
    """Print how many of the checked spans are read rightly, which are not, and how all were."""
    reader = FactReader(load_actors(), gazetteer)
    for one in reports:
        reader.learn(one)
    read = {one.id: reader.read(one) for one in reports}
    for name in ("places_checked.csv", "places_checked_again.csv"):
        show_figures_of(name, read)
    hows = {how: count for (label, how), count in reader.counts.items() if label == "LOCATION"}
    print(", ".join(f"{how} {count:,}" for how, count in sorted(hows.items())))


def show_figures_of(name: str, read: Mapping[str, Report]) -> None:
    """Print how the spans of a file are read, and every one that is read wrongly."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    given = right = related = 0
    wrong = []
    for row in rows:
        spans = {(span.start, span.end): span for span in read[row["report"]].spans or ()}
        fields = spans[int(row["start"]), int(row["end"])].fields
        found, meant = fields["place_id"], row["place_id"].split("|")
        relation = fields["relation"] or ""
        given += found is not None
        right += found is not None and found in meant
        related += relation == row["relation"]
        if (found or "") not in meant or relation != row["relation"]:
            what = f"{found or fields['match']} {relation}".rstrip()
            expected = f"{row['place_id'] or '-'} {row['relation']}".rstrip()
            wrong.append(f"{row['report']} {row['text']}: {what}, meant {expected}")
    there = sum(bool(row["place_id"]) for row in rows)
    print(f"\n{name}: precision {right}/{given} = {right / given:.3f}", end=", ")
    print(f"recall {right}/{there} = {right / there:.3f}", end=", ")
    print(f"relations {related}/{len(rows)} = {related / len(rows):.3f}; of {len(rows)} spans")
    print("\n".join(f"  {one}" for one in wrong))


if __name__ == "__main__":
    sys.exit(main())

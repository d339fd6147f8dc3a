"""How many COUNT spans a second one core reads, with the text around them.

    python tests/benchmark_numbers.py

Reads all COUNT spans of the bundled corpus, again and again as an archive would be read: most words
have been met before. `first` is the very first round, when none has.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report
from inference.numbers import read_count


def read_all(reports: Sequence[Report]) -> int:
    """Read every COUNT span once; how many there are."""
    read = 0
    for report in reports:
        spans = report.spans or ()
        for span in spans:
            if span.label == "COUNT":
                read_count(report.text, span, spans)
                read += 1
    return read


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="rounds after the first")
    rounds = parser.parse_args(arguments).rounds
    reports = list(Ledger().sort(read_records([find_file(CORPUS)])))
    seconds, spans = [], 0
    for _ in range(rounds + 1):
        started = time.process_time()
        spans = read_all(reports)
        seconds.append(time.process_time() - started)
    figures = {
        "spans": spans,
        "first_spans_per_second": round(spans / seconds[0]),
        "best_spans_per_second": round(spans / min(seconds[1:])),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])

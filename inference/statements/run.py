"""The statements of a whole run, in its order, with the tolls that are told twice."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace

from annotation.ledger import Ledger
from annotation.problems import Repair
from annotation.report import Report
from inference.statements.days import parse_day
from inference.statements.reader import StatementReader
from inference.statements.same_toll import TollKey, number_groups
from inference.statements.statement import Statement


def read_statements(reports: Iterable[Report], ledger: Ledger) -> Iterator[Statement]:
    """The statements of reports whose spans have the fields of `facts`.

    Which tell the same toll is known once all are read: until then they wait in a temporary file,
    and of each its sentence and figures stay in memory. Dates that are none, and numbers that
    could not be read, are entered in `ledger`.
    """
    reader = StatementReader()
    keys = []
    with tempfile.TemporaryFile() as waiting:
        for report in reports:
            _tell_bad_date(report, ledger)
            for statement in reader.read(report):
                _tell_unread(statement, ledger)
                keys.append(TollKey.of(statement))
                pickle.dump(statement, waiting, pickle.HIGHEST_PROTOCOL)
        groups = number_groups(keys)
        waiting.seek(0)
        for number in range(len(keys)):
            statement = pickle.load(waiting)
            if number in groups:
                group, count = groups[number]
                statement = replace(statement, group=group, group_reports=count)
            yield statement


def _tell_bad_date(report: Report, ledger: Ledger) -> None:
    date = report.fields.get("date")
    if date is not None and date != "" and parse_day(date) is None:
        message = f"{date!r:.60}, expected a day such as 2021-05-04; its rows have no report's date"
        ledger.enter(Repair("", None, report.id, "date not understood", message))


def _tell_unread(statement: Statement, ledger: Ledger) -> None:
    reason = statement.figures.get("reason")
    if reason:
        message = f"{statement.count_text!r:.60} has a row without figures: {reason}"
        ledger.enter(Repair("", None, statement.id, "number not read", message))

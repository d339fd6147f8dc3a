"""Which columns a table has for the further keys of reports, when those come one by one."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from annotation.formats.rows import OWN_KEYS
from annotation.report import Report

_LOOKED_AT = 1000
"""A table's header is written before its last report is known: these many reports decide."""


def look_ahead(reports: Iterable[Report]) -> tuple[list[Report], Iterator[Report]]:
    """The first reports, and all of them, those first ones included."""
    rest = iter(reports)
    first = list(islice(rest, _LOOKED_AT))
    return first, chain(first, rest)


def field_names(reports: Iterable[Report]) -> list[str]:
    """The further keys of `reports`, as they are met."""
    names = dict.fromkeys(key for report in reports for key in report.fields)
    return [name for name in names if name not in OWN_KEYS]

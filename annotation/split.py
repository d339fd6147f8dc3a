"""Divides reports into training, development and held-out ones.

The rule (`by`) says which reports are held out; of the rest a share, drawn per source, is for
development. Near-duplicates stay on one side, and a report that was placed before never moves.
What is drawn depends on the seed and the ids alone: neither on the order of the input nor on the
day.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from annotation.duplicates import THRESHOLD, near_duplicate_groups
from annotation.problems import UserError
from annotation.report import Report

Side = Literal["train", "dev", "held_out"]
By = Literal["report", "source", "date"]
Apart = Literal["unannotated", "undated"]

SIDES: tuple[Side, ...] = ("train", "dev", "held_out")
NO_SOURCE = "(no source)"
"""Stands for the source of reports that name none."""

_STRENGTH: dict[Side, int] = {"train": 0, "dev": 1, "held_out": 2}
"""Near-duplicates of several sides go to the strongest: measuring must not see what was learnt."""
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How to divide. Raises UserError for shares that leave nothing to train on."""

    by: By = "report"
    held_out: tuple[str, ...] = ()
    """What the rule holds out: ids, sources, or one day (ISO 8601) and all later ones.

    Where it is empty, `held_out_share` is drawn: reports, whole sources, or the newest days.
    """
    seed: int = 13
    dev_share: float = 0.1
    """Of the reports that are not held out."""
    held_out_share: float = 0.2
    """Of all reports, where `held_out` is empty."""
    similarity: float = THRESHOLD
    """From which Jaccard similarity on reports are near-duplicates."""

    def __post_init__(self) -> None:
        problems = [
            f"the share {name} is {share}, expected 0 or more and less than 1"
            for name, share in (("dev", self.dev_share), ("held out", self.held_out_share))
            if not 0 <= share < 1
        ]
        if self.by == "date" and self.held_out and _cut_of(self.held_out) is None:
            problems.append(
                f"held out by date is {','.join(self.held_out)!r}, "
                "expected the first day to hold out, such as 2024-05-01"
            )
        if problems:
            raise UserError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Placed:
    """An earlier division, to go on from."""

    by: By
    held_out: tuple[str, ...]
    sides: Mapping[str, Side]
    """By report id, also of reports that had gone by then."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the summary; `problem` where a person should look."""

    text: str
    problem: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Where every report goes."""

    settings: SplitSettings
    """As given, with what was drawn in `held_out` (not for single reports)."""
    sides: dict[str, Side]
    """By report id, in the order of the input."""
    apart: dict[str, Apart]
    """By report id: reports of no side.

    `unannotated` ones have no spans because nobody has looked yet; trained on, they would say
    that there is nothing to find. `undated` ones cannot be divided by date.
    """
    absent: dict[str, Side]
    """Reports that were placed before and are not there now; they keep their place."""
    notes: list[Note] = field(default_factory=list)

    @property
    def counts(self) -> dict[Side, int]:
        """Reports per side."""
        counts = Counter(self.sides.values())
        return {side: counts[side] for side in SIDES}

    @property
    def needs_a_look(self) -> bool:
        """Whether a note tells a problem."""
        return any(note.problem for note in self.notes)


def split_reports(
    reports: Sequence[Report], settings: SplitSettings, previous: Placed | None = None
) -> Split:
    """Divide `reports`, whose ids must be distinct.

    Raises UserError where no report can be placed, or `held_out` names what is not there.
    """
    apart = {report.id: why for report in reports if (why := _apart(report, settings.by))}
    placeable = [report for report in reports if report.id not in apart]
    if len({report.id for report in reports}) < len(reports):
        raise ValueError("two reports have the same id")
    if not placeable:
        raise UserError(
            f"none of {len(reports)} reports can be placed: expected reports with spans"
            + (" and a date" if settings.by == "date" else "")
        )
    settings = _settle_held_out(placeable, settings, previous)
    before: dict[str, Side] = {}
    absent: dict[str, Side] = {}
    if previous is not None:
        here = {report.id for report in placeable}
        before = {key: side for key, side in previous.sides.items() if key in here}
        absent = {key: side for key, side in previous.sides.items() if key not in here}

    units = _units(placeable, settings.similarity)
    ruled = {report.id for report in placeable if _is_held_out(report, settings)}
    sides: dict[str, Side] = dict(before)
    joined, pulled, straddling = [], [], []
    free = []
    for unit in units:
        ids = [report.id for report in unit]
        earlier = {before[key] for key in ids if key in before}
        if earlier:
            newcomers = [key for key in ids if key not in before]
            sides.update(dict.fromkeys(newcomers, _strongest(earlier)))
            joined += newcomers
            if len(earlier) > 1:
                straddling.append(ids)
        elif not ruled.isdisjoint(ids):
            sides.update(dict.fromkeys(ids, "held_out"))
            pulled += [key for key in ids if key not in ruled]
        else:
            free.append(unit)
    if settings.by == "report" and not settings.held_out:
        drawn = _draw(free, placeable, sides, "held_out", settings.held_out_share, settings.seed)
        sides.update((report.id, "held_out") for unit in drawn for report in unit)
        free = [unit for unit in free if unit[0].id not in sides]
    rest = [report for report in placeable if sides.get(report.id) != "held_out"]
    drawn = _draw(free, rest, sides, "dev", settings.dev_share, settings.seed)
    sides.update((report.id, "dev") for unit in drawn for report in unit)

    split = Split(
        settings,
        {report.id: sides.get(report.id, "train") for report in placeable},
        apart,
        absent,
    )
    stayed = [key for key in before if key in ruled and before[key] != "held_out"]
    split.notes.extend(
        _notes(split, reports, sorted(joined), sorted(pulled), straddling, sorted(stayed))
    )
    return split


def source_of(report: Report) -> str:
    """The report's source, NO_SOURCE where it names none."""
    source = report.fields.get("source")
    return NO_SOURCE if source is None or source == "" else str(source)


def day_of(report: Report) -> date | None:
    """The day of the report's `date` (ISO 8601) as it stands there; None where none can be read."""
    return _read_day(report.fields.get("date"))


def _read_day(value: object) -> date | None:
    try:
        return datetime.fromisoformat(value.strip()).date() if isinstance(value, str) else None
    except ValueError:
        return None


def _cut_of(held_out: Sequence[str]) -> date | None:
    return _read_day(held_out[0]) if len(held_out) == 1 else None


def _apart(report: Report, by: By) -> Apart | None:
    if report.spans is None:
        return "unannotated"
    if by == "date" and day_of(report) is None:
        return "undated"
    return None


def _strongest(sides: Iterable[Side]) -> Side:
    return max(sides, key=_STRENGTH.__getitem__)


def _settle_held_out(
    reports: Sequence[Report], settings: SplitSettings, previous: Placed | None
) -> SplitSettings:
    """Check what is to be held out; where nothing is named, go on as before, else draw it."""
    if settings.held_out:
        _check_named(reports, settings)
        return settings
    if previous is not None and previous.by == settings.by and previous.held_out:
        return replace(settings, held_out=previous.held_out)
    if settings.by == "report" or settings.held_out_share == 0:
        return settings
    enough = settings.held_out_share * len(reports)
    if settings.by == "source":
        sizes = Counter(source_of(report) for report in reports)
        ordered = sorted(sizes, key=lambda source: _order(settings.seed, source))
        return replace(settings, held_out=tuple(sorted(_first_that_reach(enough, ordered, sizes))))
    sizes = Counter(str(day_of(report)) for report in reports)
    newest = _first_that_reach(enough, sorted(sizes, reverse=True), sizes)
    return replace(settings, held_out=(newest[-1],) if newest else ())


def _first_that_reach(enough: float, names: list[str], sizes: Mapping[str, int]) -> list[str]:
    """The first of `names` that have enough reports together, but never all."""
    taken: list[str] = []
    for name in names[:-1]:
        if sum(sizes[each] for each in taken) >= enough:
            break
        taken.append(name)
    return taken


def _check_named(reports: Sequence[Report], settings: SplitSettings) -> None:
    if settings.by == "date":
        return
    there = {source_of(r) if settings.by == "source" else r.id for r in reports}
    unknown = [name for name in settings.held_out if name not in there]
    if unknown and settings.by == "source":
        raise UserError(
            f"no report of the source {', '.join(unknown)} to hold out; "
            f"the sources are {', '.join(sorted(there))}"
        )
    if unknown:
        raise UserError(
            f"no report {_some(unknown)} to hold out; by report, --held-out takes ids of the "
            f"{len(there)} reports, such as {min(there)}"
        )


def _is_held_out(report: Report, settings: SplitSettings) -> bool:
    """Whether the rule itself holds the report out."""
    if not settings.held_out:
        return False
    if settings.by == "date":
        day, cut = day_of(report), _cut_of(settings.held_out)
        return day is not None and cut is not None and day >= cut
    return (source_of(report) if settings.by == "source" else report.id) in settings.held_out


def _units(reports: Sequence[Report], similarity: float) -> list[list[Report]]:
    """What moves as one: groups of near-duplicates and single reports, each sorted by id."""
    groups = near_duplicate_groups([report.text for report in reports], similarity)
    grouped = {index for group in groups for index in group}
    groups += [[index] for index in range(len(reports)) if index not in grouped]
    return [sorted((reports[i] for i in group), key=lambda r: r.id) for group in groups]


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _draw(
    free: Sequence[list[Report]],
    reports: Sequence[Report],
    sides: Mapping[str, Side],
    side: Side,
    share: float,
    seed: int,
) -> list[list[Report]]:
    """Units for `side` from the `free` ones, so that it has its share of each source's `reports`.

    What a source has there already counts. Units are taken whole in an order by hash, unless
    they are too large for what is wanted; a fraction of a report goes over to the next source, so
    that many small sources give a share together.
    """
    totals = Counter(source_of(report) for report in reports)
    already = Counter(source_of(report) for report in reports if sides.get(report.id) == side)
    units: dict[str, list[list[Report]]] = {source: [] for source in totals}
    for unit in free:
        units[source_of(unit[0])].append(unit)
    drawn: list[list[Report]] = []
    carried = 0.0
    for source in sorted(totals):
        wanted = share * totals[source] + carried - already[source]
        taken = 0
        for unit in sorted(units[source], key=lambda unit: _order(seed, unit[0].id)):
            if taken + len(unit) <= math.floor(wanted + 0.5):
                drawn.append(unit)
                taken += len(unit)
        carried = min(max(wanted - taken, -0.5), 0.5)
    return drawn


def _notes(
    split: Split,
    reports: Sequence[Report],
    joined: Sequence[str],
    pulled: Sequence[str],
    straddling: Sequence[Sequence[str]],
    stayed: Sequence[str],
) -> list[Note]:
    settings = split.settings
    unannotated = [key for key, why in split.apart.items() if why == "unannotated"]
    undated = [f"{r.id} {r.fields.get('date')!r}" for r in reports if _is(split, r, "undated")]
    unnamed = [r.id for r in reports if source_of(r) == NO_SOURCE and r.id in split.sides]
    together = [f"{' ~ '.join(ids[:3])}{' …' if len(ids) > 3 else ''}" for ids in straddling]
    told = [
        (pulled, "held out beside near-duplicates that are held out", False),
        (joined, "new, placed beside near-duplicates that were placed before", False),
        (
            together,
            "groups of near-duplicates were placed on several sides before, and stay there",
            True,
        ),
        (stayed, "held out by the rule, but placed elsewhere before, and stay there", True),
        (sorted(split.absent), "placed before, but not there (with spans) now", False),
        (unannotated, "set apart: nobody has annotated them yet", False),
        (undated, "set apart: no date that can be read, expected ISO 8601 as 2024-05-01", True),
        (unnamed if settings.by == "source" else [], "without a source", False),
    ]
    notes = [Note(f"{len(ids)} {what}: {_some(ids)}", bad) for ids, what, bad in told if ids]
    wanted = {
        "train": True,
        "dev": settings.dev_share > 0,
        "held_out": settings.held_out_share > 0 or bool(settings.held_out),
    }
    for side, count in split.counts.items():
        if count == 0 and wanted[side]:
            notes.append(Note(f"no report is in {side}: {_mend_empty(side, settings)}", True))
    return notes


def _is(split: Split, report: Report, why: Apart) -> bool:
    return split.apart.get(report.id) == why


def _mend_empty(side: Side, settings: SplitSettings) -> str:
    if side == "dev":
        return f"{settings.dev_share} of the rest is less than a report (or than a group of them)"
    if side == "held_out" and settings.by == "date":
        return f"expected reports of {', '.join(settings.held_out) or 'several days'} or later"
    if side == "held_out":
        return "the share is too small for these reports; name what to hold out (--held-out)"
    return "everything is held out or for development; give smaller shares, or hold out less"


def _some(names: Sequence[str]) -> str:
    more = f" … and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return ", ".join(names[:_EXAMPLES]) + more

"""A division of reports on disk: a file a side, and `splits.json`, which later ones go on from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from annotation.explain import explain_validation
from annotation.files import open_output
from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report
from annotation.split import SIDES, Apart, By, Placed, Side, Split, SplitSettings

_APART: tuple[Apart, ...] = ("unannotated", "undated")
_NAMED = 20


class SplitsFile(BaseModel):
    """What stands in `splits.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By
    held_out: list[str]
    seed: int
    dev_share: float
    held_out_share: float
    similarity: float
    counts: dict[str, int]
    reports: dict[str, Side]
    absent: dict[str, Side] = {}
    """Placed by an earlier division, but not among the reports of this one."""

    def placed(self) -> Placed:
        """What a later division takes over."""
        return Placed(self.by, tuple(self.held_out), {**self.absent, **self.reports})


def read_splits(path: Path) -> SplitsFile:
    """Read a `splits.json`. Raises UserError that tells all its problems."""
    try:
        return SplitsFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}), expected splits.json of an earlier split"
        ) from None
    except ValidationError as error:
        raise UserError("\n".join(explain_validation(str(path), error, SplitsFile))) from None


def choose_settings(given: Mapping[str, Any], previous: SplitsFile | None) -> SplitSettings:
    """Settings as `given` (None: not given), else as of the previous division, else the default.

    What that held out is not taken over here: `split_reports` does so where the rule is the same.
    """
    settings = SplitSettings()
    if previous is not None:
        settings = SplitSettings(
            by=previous.by,
            seed=previous.seed,
            dev_share=previous.dev_share,
            held_out_share=previous.held_out_share,
            similarity=previous.similarity,
        )
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


def write_split(split: Split, reports: Sequence[Report], folder: Path) -> None:
    """Write a JSONL a side, one for each kind of reports set apart, and `splits.json`.

    Reports stand in the order of the input; `splits.json` is sorted, the same for any order. A
    file of reports set apart that an earlier split left there is removed where there are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for side in SIDES:
        on_side = [report for report in reports if split.sides.get(report.id) == side]
        write_reports(on_side, str(folder / f"{side}.jsonl"))
    for why in _APART:
        apart = [report for report in reports if split.apart.get(report.id) == why]
        if apart:
            write_reports(apart, str(folder / f"{why}.jsonl"))
        else:
            (folder / f"{why}.jsonl").unlink(missing_ok=True)
    settings = split.settings
    kinds = list(split.apart.values())
    counts: dict[str, int] = {side: split.counts[side] for side in SIDES}
    counts |= {why: kinds.count(why) for why in _APART if why in kinds}
    record = SplitsFile(
        by=settings.by,
        held_out=list(settings.held_out),
        seed=settings.seed,
        dev_share=settings.dev_share,
        held_out_share=settings.held_out_share,
        similarity=settings.similarity,
        counts=counts,
        reports=dict(sorted(split.sides.items())),
        absent=dict(sorted(split.absent.items())),
    )
    with open_output(folder / "splits.json") as stream:
        stream.write(record.model_dump_json(indent=2) + "\n")


def describe(split: Split, reports: Sequence[Report], folder: Path) -> list[str]:
    """The division as lines to read: a side a line, then what is to be said of it."""
    settings = split.settings
    lines = [f"by {settings.by}, seed {settings.seed}"]
    if settings.held_out:
        later = " and later" if settings.by == "date" else ""
        lines[0] += f"; held out: {', '.join(settings.held_out[:_NAMED])}{later}"
        if len(settings.held_out) > _NAMED:
            lines[0] += f" … and {len(settings.held_out) - _NAMED} more"
    for side in SIDES:
        spans = [r.spans or () for r in reports if split.sides.get(r.id) == side]
        lines.append(
            f"{side:<8}  {len(spans):>7,} reports  {sum(map(len, spans)):>9,} spans  "
            f"{folder / side}.jsonl"
        )
    return lines + [note.text for note in split.notes]

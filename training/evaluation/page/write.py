"""Puts the page together: figures as HTML, reports as data for its script, all in one file."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from annotation.files import open_output
from annotation.report import Report, Span
from training.evaluation.errors.classes import ERROR_CLASSES
from training.evaluation.errors.classify import ClassifiedError
from training.evaluation.errors.table import tell_labels
from training.evaluation.outcomes import OUTCOME_CLASSES
from training.evaluation.page.charts import reliability_chart, risk_chart
from training.evaluation.page.shown import ROOM, ShownReports, show_reports

PAGE = "evaluation.html"
KIND_NAMES = {
    "right": "right",
    "missed": "missed",
    "spurious": "spurious",
    "boundary": "boundary",
    "label": "label",
    "both": "label + boundary",
}
"""The classes of outcomes, as the page calls them."""

_HERE = Path(__file__).parent
_GROUPS = 40
"""At most so many groups of a slice are shown; the file beside holds all."""
_ROWS_OF_CURVE = 20
_HUES = 8
"""So many label colours there are before they begin anew."""
_SHADES = 5


@dataclass(frozen=True, slots=True)
class PageInput:
    """What a page is made from."""

    evaluation: Mapping[str, Any]
    """The content of `evaluation.json`."""
    warnings: Sequence[str]
    """What stands at the top, since the figures mislead without it."""
    gold: Sequence[Report]
    predicted: Mapping[str, Sequence[Span]]
    project: str | None = None
    """The address of the Label Studio project that holds the reports' tasks."""
    errors: Sequence[ClassifiedError] = ()
    """What kind of mistake each error is."""


def write_page(path: Path, source: PageInput, room: int = ROOM) -> None:
    """Write the page; the reports on it take at most `room` bytes, and it says what had no room."""
    with open_output(path) as file:
        file.write(render_page(source, room))


def render_page(source: PageInput, room: int = ROOM) -> str:
    """The page as one self-contained HTML text, which asks no server for anything."""
    evaluation = source.evaluation
    labels = _labels(source)
    shown = show_reports(source.gold, source.predicted, labels, room, source.errors)
    curve = evaluation["calibration"]["risk_coverage"]["points"]
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    template = _environment().get_template("page.html")
    return template.render(
        evaluation=evaluation,
        reports=len(source.gold),
        warnings=source.warnings,
        remarks=_remarks(evaluation),
        labels=labels,
        hues={label: number % _HUES for number, label in enumerate(labels)},
        kinds=KIND_NAMES,
        mistakes=_mistakes(evaluation["error_classes"]),
        confusion=_confusion_table(evaluation["confusion"], labels),
        reliability=reliability_chart(evaluation["calibration"]["reliability"]),
        risk=risk_chart(curve),
        # Every tenth or so, and in any case the last, of which all spans are kept.
        risk_rows=curve[::-1][:: max(len(curve) // _ROWS_OF_CURVE, 1)][::-1],
        slices=_shorten_slices(evaluation["slices"]),
        shown=shown,
        room_megabytes=room / 1e6,
        style=style,
        script=script,
        policy=_policy(style, script),
        data=_data(shown, labels, source.project),
    )


def _labels(source: PageInput) -> list[str]:
    """Of the model, and of all spans, in alphabetical order."""
    spans = [span for report in source.gold for span in report.spans or ()]
    spans += [span for found in source.predicted.values() for span in found]
    return sorted({*source.evaluation.get("labels", ()), *(span.label for span in spans)})


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["interval"] = _tell_interval
    environment.filters["thousands"] = lambda count: f"{count:,}"
    return environment


def _tell_interval(interval: Sequence[float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}"


def _policy(style: str, script: str) -> str:
    """The content security policy: this style, this script, and nothing from anywhere."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _data(shown: ShownReports, labels: Sequence[str], project: str | None) -> str:
    """The reports as JSON that is safe inside a script element, whatever their texts hold."""
    head = json.dumps(
        {
            "kinds": list(OUTCOME_CLASSES),
            "kind_names": [KIND_NAMES[kind] for kind in OUTCOME_CLASSES],
            "mistakes": [_readable(name) for name in ERROR_CLASSES],
            "labels": list(labels),
            "hues": _HUES,
            "project": project,
            "left_out": shown.left_out,
        },
        ensure_ascii=False,
    )
    joined = ",\n".join(shown.rows)
    content = f'{head[:-1]}, "reports": [\n{joined}\n]}}'
    # Outside of JSON's strings these do not stand; inside, their escapes mean the same.
    for character in "<>&\u2028\u2029":
        content = content.replace(character, f"\\u{ord(character):04x}")
    return content


@dataclass(frozen=True, slots=True)
class Mistake:
    """A class of errors, as the page shows it."""

    place: int
    """Among all classes."""
    name: str
    meaning: str
    errors: int
    labels: str


def _mistakes(rows: Sequence[Mapping[str, Any]]) -> list[Mistake]:
    """Those that are met, the most frequent first."""
    return [
        Mistake(
            ERROR_CLASSES.index(row["class"]),
            _readable(row["class"]),
            row["meaning"],
            row["errors"],
            tell_labels(row),
        )
        for row in rows
    ]


def _readable(name: str) -> str:
    return name.replace("_", " ")


def _remarks(evaluation: Mapping[str, Any]) -> list[str]:
    """What a reader should know beside the figures, a sentence each."""
    remarks = list(evaluation["remarks"])
    counted = {
        "gold reports without a prediction, all their spans missed": len(evaluation["missing"]),
        "predictions that do not fit the text; were they made on another version of it?": len(
            evaluation["misplaced"]
        ),
        "gold spans that tags cannot say, counted as missed": len(evaluation["lost"]),
        "records set aside while reading gold": evaluation.get("set_aside", 0),
        "records set aside while reading training reports": evaluation.get("training_set_aside", 0),
    }
    remarks += [f"{count:,} {what}" for what, count in counted.items() if count]
    return remarks


@dataclass(frozen=True, slots=True)
class Cell:
    """How often a gold label stands against a predicted one."""

    gold: int
    """Place among the labels; -1 for nothing."""
    predicted: int
    spans: int
    same_edges: int
    shade: int
    """From 0, for nothing, to 5: the share of its row."""


def _confusion_table(
    confusion: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[list[Cell]]:
    """A row a gold label, then one of the spurious; a column a label, then one of the missed."""
    counted = {(one["gold"], one["predicted"]): one for one in confusion}
    names: list[str | None] = [*labels, None]
    table = []
    for row, gold in enumerate(names):
        total = sum(one["spans"] for (name, _), one in counted.items() if name == gold)
        cells = []
        for column, predicted in enumerate(names):
            one = counted.get((gold, predicted), {"spans": 0, "same_edges": 0})
            cells.append(
                Cell(
                    row if gold is not None else -1,
                    column if predicted is not None else -1,
                    one["spans"],
                    one["same_edges"],
                    -(-one["spans"] * _SHADES // max(total, 1)),
                )
            )
        table.append(cells)
    return table


@dataclass(frozen=True, slots=True)
class ShownSlice:
    """A slice's groups, the ones with the most gold where there are too many to show."""

    name: str
    groups: dict[str, Mapping[str, Any]]
    left_out: int


def _shorten_slices(slices: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[ShownSlice]:
    shown = []
    for name, groups in slices.items():
        by_support = sorted(groups, key=lambda group: -groups[group]["micro"]["support"])
        kept = set(by_support[:_GROUPS])
        shown.append(
            ShownSlice(
                name,
                {group: one for group, one in groups.items() if group in kept},
                len(groups) - len(kept),
            )
        )
    return shown

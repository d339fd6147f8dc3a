"""Where a Label Studio project shows a report's text, and where spans of it go.

A project need not have the configuration that is made here: researchers have older ones, with
other names, further questions, or several texts a task.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.label_studio_client import LabelStudioClient, Project
from annotation.labels import CONTROL_NAME, DEFAULT_LABELS, TEXT_NAME, Label
from annotation.problems import UserError

_SPANS_TAG = "Labels"
_TEXT_TAG = "Text"


@dataclass(frozen=True, slots=True)
class SpanControl:
    """A `<Labels>` of a project over one of its `<Text>`s."""

    from_name: str
    to_name: str
    text_key: str
    """The key of the text in a task's data."""
    labels: frozenset[str] | None
    """None where each task brings its own."""


def span_controls(project: Project) -> list[SpanControl]:
    """All there are, in the order of the configuration."""
    found = []
    for name, control in project.controls.items():
        if control.get("type") != _SPANS_TAG:
            continue
        labels = None if control.get("dynamic_labels") else frozenset(control.get("labels") or ())
        for to_name, shown in zip(control["to_name"], control["inputs"], strict=False):
            if shown.get("type") == _TEXT_TAG:
                found.append(SpanControl(name, to_name, str(shown.get("value")), labels))
    return found


def find_text_key(project: Project, wanted: str | None = None) -> str:
    """The key of the text that spans are marked in; `wanted` decides between several.

    Raises UserError where there is none, or a choice has to be made.
    """
    keys = list(dict.fromkeys(control.text_key for control in span_controls(project)))
    if wanted is not None and wanted in keys:
        return wanted
    if not keys:
        raise UserError(_no_spans(project))
    if wanted is not None:
        raise UserError(
            f"project {project.id} marks spans in {', '.join(keys)}, not in {wanted}; "
            "expected one of them for --text-column"
        )
    if len(keys) == 1:
        return keys[0]
    if TEXT_NAME in keys:
        return TEXT_NAME
    raise UserError(
        f"project {project.id} marks spans in several texts a task: {', '.join(keys)}; "
        "choose one with --text-column"
    )


def find_span_control(project: Project) -> SpanControl:
    """The control that spans are sent to. Raises UserError where it cannot be told."""
    key = find_text_key(project)
    controls = [control for control in span_controls(project) if control.text_key == key]
    named = [control for control in controls if control.from_name == CONTROL_NAME]
    if len(controls) == 1 or len(named) == 1:
        return (named or controls)[0]
    names = ", ".join(control.from_name for control in controls)
    raise UserError(
        f"project {project.id} has several <Labels> for the text {key}: {names}; expected one, "
        f"or one named {CONTROL_NAME}"
    )


def prepare_project(
    client: LabelStudioClient, project: Project, labels: Sequence[Label]
) -> tuple[SpanControl, list[str]]:
    """Where spans go in a project that is there, and what there is to say of it.

    A project without a configuration gets that of the labels file, and so does one that has an
    earlier state of it. What somebody made otherwise is left as it is.
    """
    if not project.controls:
        client.set_labels(project.id, labels)
        note = f"project {project.id} had no labelling configuration; it has that of the labels now"
        return own_control(labels), [note]
    control = find_span_control(project)
    names = [label.name for label in labels]
    lacking = [] if control.labels is None else [n for n in names if n not in control.labels]
    if not lacking:
        return control, []
    if _is_ours(project, control) and control.labels is not None and control.labels < set(names):
        client.set_labels(project.id, labels)
        note = f"project {project.id} lacked the labels {', '.join(lacking)}; it has them now"
        return own_control(labels), [note]
    return control, [
        f"project {project.id} lacks the labels {', '.join(lacking)}; its configuration was left "
        "as it is, since it is not made of the labels file alone"
    ]


def own_control(labels: Sequence[Label]) -> SpanControl:
    """The control of a project with the configuration that is made here."""
    return SpanControl(
        CONTROL_NAME, TEXT_NAME, TEXT_NAME, frozenset(label.name for label in labels)
    )


def _is_ours(project: Project, control: SpanControl) -> bool:
    own = (control.from_name, control.to_name, control.text_key)
    return len(project.controls) == 1 and own == (CONTROL_NAME, TEXT_NAME, TEXT_NAME)


def _no_spans(project: Project) -> str:
    has = ", ".join(f"<{control.get('type')}> {name}" for name, control in project.controls.items())
    return (
        f"project {project.id} marks no spans in a text: it has {has or 'no configuration'}; "
        f"expected a <{_SPANS_TAG}> for a <{_TEXT_TAG}>, as push --create makes it of "
        f"{DEFAULT_LABELS}"
    )

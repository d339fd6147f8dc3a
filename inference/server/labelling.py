"""Reads a Label Studio project's labelling configuration: which controls take the model's spans."""

from collections.abc import Collection
from functools import lru_cache

from label_studio_sdk.label_interface import LabelInterface

from annotation.label_studio_config import SpanControl


class UnusableConfig(ValueError):
    """A configuration that has no place for the model's spans: one line that says why."""


@lru_cache(maxsize=32)
def read_labelling(config: str) -> tuple[SpanControl, ...]:
    """The controls that take spans of a text, in their order. Raises UnusableConfig for none."""
    try:
        interface = LabelInterface(config)
        controls, objects = list(interface.controls), list(interface.objects)
    # It raises whatever it comes across: errors of lxml, KeyError, AttributeError.
    except Exception as error:
        raise UnusableConfig(
            f"the labelling configuration cannot be read ({type(error).__name__})"
        ) from None
    # A text that is behind a link is not in the task.
    texts = [
        shown
        for shown in objects
        if shown.tag.lower() == "text" and shown.value_is_variable and shown.value_type != "url"
    ]
    found = tuple(
        SpanControl(
            control.name,
            text.name,
            text.value_name,
            None if control.dynamic_value else frozenset(control.labels),
        )
        for text in texts
        for control in controls
        if control.tag.lower() == "labels" and text.name in control.to_name
    )
    if not any(control.labels is None or control.labels for control in found):
        raise UnusableConfig(
            "the labelling configuration has no Labels on a Text; expected "
            '<Labels name="label" toName="text"> with the labels, and '
            '<Text name="text" value="$text"/>'
        )
    return found


def takes(control: SpanControl, label: str) -> bool:
    """Whether spans of that label can go there; tasks may bring labels of their own."""
    return control.labels is None or label in control.labels


def check_labels(controls: Collection[SpanControl], model_labels: Collection[str]) -> None:
    """Raise UnusableConfig where the project has none of the labels that the model finds."""
    if not any(takes(control, label) for control in controls for label in model_labels):
        raise UnusableConfig(
            f"the project has none of the labels that the model finds: {', '.join(model_labels)}"
        )

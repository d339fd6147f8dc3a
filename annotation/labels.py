"""The labels file: which labels there are, and the Label Studio labelling config made from it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotation.bundled import find_file
from annotation.explain import explain_validation
from annotation.problems import UserError

DEFAULT_LABELS = "configs/labels.toml"
CONTROL_NAME = "label"
"""`from_name` of the spans in Label Studio."""
TEXT_NAME = "text"
"""`to_name` of the spans in Label Studio, and the key of the text in a task's data."""


class Label(BaseModel):
    """A label of spans: its name, what it means, and how Label Studio shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[^\s,]+$")
    meaning: str = ""
    colour: str = Field(default="#888888", pattern=r"^#[0-9a-fA-F]{6}$")
    hotkey: str | None = None


class _LabelsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: list[Label] = Field(min_length=1)


def load_labels(path: str | Path = DEFAULT_LABELS) -> tuple[Label, ...]:
    """Read a labels file. Raises UserError that tells all its problems."""
    found = find_file(path)
    try:
        labels = _LabelsFile.model_validate(tomllib.loads(found.read_text("utf-8"))).label
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None
    except ValidationError as error:
        raise UserError("\n".join(explain_validation(str(path), error))) from None
    names = [label.name for label in labels]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: label {', '.join(twice)} stands there twice, expected once")
    return tuple(labels)


def labelling_config(labels: Sequence[Label]) -> str:
    """The XML that Label Studio draws its annotation page from: right-to-left, whole words.

    The lines stand further apart than its own style has them, so that marks above and below
    letters, and the colours of two lines, do not touch.
    """
    choices = "\n".join(
        "      <Label"
        f" value={quoteattr(label.name)} background={quoteattr(label.colour)}"
        + (f" hotkey={quoteattr(label.hotkey)}" if label.hotkey else "")
        + "/>"
        for label in labels
    )
    return f"""<View>
  <Style>
    .report [class*="richtext__container"] {{ font-size: 18px; line-height: 2; }}
  </Style>
  <Labels name="{CONTROL_NAME}" toName="{TEXT_NAME}" showInline="true">
{choices}
  </Labels>
  <View className="report" style="direction: rtl; text-align: right">
    <Text name="{TEXT_NAME}" value="${TEXT_NAME}" granularity="word"/>
  </View>
</View>
"""

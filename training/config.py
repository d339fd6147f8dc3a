"""The configuration of a fit: `configs/*.toml`, checked whole before anything starts."""

import inspect
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from transformers import AutoConfig, TrainingArguments
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from annotation.bundled import find_file
from annotation.explain import explain_validation
from annotation.labels import DEFAULT_LABELS
from annotation.problems import UserError

OURS = ("output_dir", "resume_from_checkpoint", "do_train", "do_eval", "do_predict", "push_to_hub")
"""TrainingArguments that the command line says, or that fitting does not do. What concerns a hub
(`hub_*`) is left out as well: no secret may stand in a configuration."""

LABELS_FROM_DATA = "from data"
MADE_BY_FITTING = ("vocab_size", "id2label", "label2id", "num_labels")
"""Fields of an encoder's config.json that follow from the data."""

Files = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]


class Section(BaseModel):
    """A table of a configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ModelSection(Section):
    """`[model]`: the encoder, and how much of a report it reads at once."""

    encoder: str | None = None
    """A hub name or a folder; without one the encoder is made from `config` and `vocabulary`."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Fields of the encoder's own config.json, and `model_type` where there is no encoder."""
    vocabulary: int = Field(default=16_000, ge=100)
    """Pieces of the WordPiece vocabulary trained on the training text, without an encoder."""
    window: int = Field(default=256, ge=8)
    """Pieces a window, special ones included."""

    @model_validator(mode="after")
    def _has_a_beginning(self) -> "ModelSection":
        if self.encoder is None and "model_type" not in self.config:
            raise ValueError(
                "neither encoder nor config.model_type is given; "
                "name an encoder (hub name or folder), or give the shape of a new one"
            )
        return self

    @model_validator(mode="after")
    def _has_a_shape_that_is_one(self) -> "ModelSection":
        shape = dict(self.config)
        kind = shape.pop("model_type", None)
        if kind is None:
            return self
        if kind not in CONFIG_MAPPING_NAMES:
            close = get_close_matches(str(kind), CONFIG_MAPPING_NAMES, n=1)
            guess = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"config.model_type: transformers has no {kind!r}{guess}")
        problems = unknown_fields(AutoConfig.for_model(kind), shape)
        if problems:
            raise ValueError("; ".join(f"config.{problem}" for problem in problems))
        return self


class DataSection(Section):
    """`[data]`: files in any format that `annotation convert` reads."""

    train: Files = Field(min_length=1)
    dev: Files = Field(default_factory=list)
    """Picks the best epoch and when to stop; without it the last epoch is kept."""
    held_out: Files = Field(default_factory=list)
    """Measured once, after fitting."""
    format: str | None = None
    """Of the files, where their names do not tell it."""
    labels: str = DEFAULT_LABELS
    """The labels file; or `from data`: those of the training reports, in alphabetical order."""
    annotators: str | None = None
    """Whose spans to take where several people annotated: all, first, majority or a name."""


class FitSection(Section):
    """`[fit]`: what TrainingArguments has no name for."""

    patience: int | None = Field(default=None, ge=1)
    """Stop after so many evaluations without a better development F1; None: never early."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """The learning rate of each of the encoder's layers, as a share of that of the layer above."""
    averaged: float = Field(default=0.0, ge=0, le=1)
    """The share of all steps over which weights are averaged: the average is what is evaluated and
    kept. 0: the weights of the last step themselves."""


class AugmentationSection(Section):
    """`[augmentation]`: changed copies of the training reports, learned beside them."""

    copies: int = Field(default=0, ge=0)
    """Of each report."""
    mentions: float = Field(default=0.5, ge=0, le=1)
    """The share of a copy's mentions that get another name or number."""
    noise: float = Field(default=0.3, ge=0, le=1)
    """The share of copies that get the noise of careless posts."""


def _trainer_section() -> type[BaseModel]:
    """A model of the TrainingArguments that a configuration may set, by their own names."""
    hints = get_type_hints(TrainingArguments)
    settings: dict[str, Any] = {
        field.name: (hints[field.name] | None, None)
        for field in fields(TrainingArguments)
        if field.init
        and not field.name.startswith("_")
        and field.name not in OURS
        and not field.name.startswith("hub_")
    }
    section = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model("TrainerSection", __config__=section, **settings)


TrainerSection = _trainer_section()
AnyConfig = TypeVar("AnyConfig", bound=BaseModel)


class Config(Section):
    """Everything that decides a fit."""

    model: ModelSection
    data: DataSection
    augmentation: AugmentationSection = Field(default_factory=AugmentationSection)
    fit: FitSection = Field(default_factory=FitSection)
    trainer: TrainerSection = Field(default_factory=TrainerSection)  # type: ignore[valid-type]

    def trainer_settings(self) -> dict[str, Any]:
        """The TrainingArguments that the file sets, and only those."""
        settings: dict[str, Any] = self.trainer.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        return settings


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read the configuration of a fit and put `section.key=value` overrides over it.

    Raises UserError that tells every problem of the file and the overrides at once.
    """
    return read_config(path, overrides, Config)


def read_config(path: str | Path, overrides: Sequence[str], kind: type[AnyConfig]) -> AnyConfig:
    """Read a configuration of one kind; see `load_config`."""
    file = find_file(path)
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None
    problems = []
    for override in overrides:
        try:
            _override(settings, override)
        except ValueError as error:
            problems.append(f"--set {override}: {error}")
    try:
        config = kind.model_validate(settings)
    except ValidationError as error:
        problems.extend(explain_validation(str(path), error, kind))
    if problems:
        raise UserError("\n".join(problems))
    return config


def unknown_fields(config: Any, names: Iterable[str]) -> list[str]:
    """Which of `names` an encoder's config.json has no field for, or must not be set; a line each.

    transformers keeps such fields without a word, and goes on with the default of the one meant.
    """
    # Older names are no fields any more, but its class still reads them.
    source = inspect.getsource(type(config))
    problems = []
    for name in names:
        if name in MADE_BY_FITTING:
            problems.append(f"{name}: comes from the tokenizer and the labels; leave it out")
        elif not hasattr(config, name) and f'"{name}"' not in source:
            close = get_close_matches(name, config.to_dict(), n=1)
            guess = f"; did you mean {close[0]}?" if close else ""
            problems.append(f"{name}: {config.model_type} has no such field{guess}")
    return problems


def _override(settings: dict[str, Any], override: str) -> None:
    """Put one `section.key=value` into `settings`; the value is TOML, or else a plain string."""
    name, equals, value = override.partition("=")
    path = name.strip().split(".")
    if not equals or len(path) < 2 or not all(path):
        raise ValueError("expected section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    for key in path[:-1]:
        settings = settings.setdefault(key, {})
        if not isinstance(settings, dict):
            raise ValueError(f"{key} is a value, not a section")
    settings[path[-1]] = parsed

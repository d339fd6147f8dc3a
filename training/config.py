"""The configuration of a fit: `configs/*.toml`, checked whole before anything starts."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from transformers import TrainingArguments

from annotation.bundled import find_file
from annotation.explain import explain_validation
from annotation.labels import DEFAULT_LABELS
from annotation.problems import UserError

OURS = ("output_dir", "resume_from_checkpoint", "do_train", "do_eval", "do_predict", "push_to_hub")
"""TrainingArguments that the command line says, or that fitting does not do."""

Files = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ModelSection(_Section):
    """`[model]`: the encoder, and how much of a report it reads at once."""

    encoder: str | None = None
    """A hub name or a folder; without one the encoder is made from `config` and `vocabulary`."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Fields of the encoder's own config.json, and `model_type` where there is no encoder."""
    vocabulary: int = Field(default=16_000, ge=100)
    """Pieces of the WordPiece vocabulary trained on the training text, without an encoder."""
    window: int = Field(default=256, ge=8)
    """Pieces a window, special ones included."""


class DataSection(_Section):
    """`[data]`: files in any format that `annotation convert` reads."""

    train: Files = Field(min_length=1)
    dev: Files = Field(default_factory=list)
    """Picks the best epoch and when to stop; without it the last epoch is kept."""
    held_out: Files = Field(default_factory=list)
    """Measured once, after fitting."""
    labels: str = DEFAULT_LABELS
    annotators: str | None = None
    """Whose spans to take where several people annotated: all, first, majority or a name."""


class FitSection(_Section):
    """`[fit]`: what TrainingArguments has no name for."""

    patience: int | None = Field(default=None, ge=1)
    """Stop after so many evaluations without a better development F1; None: never early."""


def _trainer_section() -> type[BaseModel]:
    """A model of the TrainingArguments that a configuration may set, by their own names."""
    hints = get_type_hints(TrainingArguments)
    settings: dict[str, Any] = {
        field.name: (hints[field.name] | None, None)
        for field in fields(TrainingArguments)
        if field.init and not field.name.startswith("_") and field.name not in OURS
    }
    section = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model("TrainerSection", __config__=section, **settings)


TrainerSection = _trainer_section()


class Config(_Section):
    """Everything that decides a fit."""

    model: ModelSection
    data: DataSection
    fit: FitSection = Field(default_factory=FitSection)
    trainer: TrainerSection = Field(default_factory=TrainerSection)  # type: ignore[valid-type]

    def trainer_settings(self) -> dict[str, Any]:
        """The TrainingArguments that the file sets, and only those."""
        settings: dict[str, Any] = self.trainer.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        return settings


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration and put `section.key=value` overrides over it.

    Raises UserError that tells every problem of the file and the overrides at once.
    """
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
        config = Config.model_validate(settings)
    except ValidationError as error:
        problems.extend(explain_validation(str(path), error, Config))
    else:
        if config.model.encoder is None and "model_type" not in config.model.config:
            problems.append(
                f"{path}: model: neither encoder nor config.model_type is given; "
                "name an encoder (hub name or folder), or give the shape of a new one"
            )
    if problems:
        raise UserError("\n".join(problems))
    return config


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

"""The configuration of a pre-training: `configs/pretrain.toml`."""

from typing import Literal

from pydantic import Field, model_validator

from training.config import Files, ModelSection, Section


class TextSection(Section):
    """`[data]`: texts in any format that `annotation convert` reads; spans are not looked at."""

    files: Files = Field(min_length=1)
    exclude: Files = Field(default_factory=list)
    """Reports whose near-duplicates must not be learned: those that the encoder is measured on."""
    like: Files = Field(default_factory=list)
    """Reports of the kind that the encoder is for; `schedule.focus` prefers passages like them."""
    held_out: float = Field(default=0.002, ge=0, lt=0.5)
    """The share of texts that the loss is measured on, drawn by what they say."""


class ScheduleSection(Section):
    """`[schedule]`: how long, in what steps, how fast."""

    pieces: int = Field(ge=1)
    """How many pieces to learn from, over and over the texts if need be."""
    sequence: int = Field(default=128, ge=8)
    """Pieces a sequence, special ones included."""
    batch: tuple[int, int] = (32, 128)
    """Sequences a step, over all processes: at the beginning, and when grown."""
    growth: float = Field(default=0.5, ge=0, le=1)
    """The share of the pieces over which the batch grows."""
    warmup: float = Field(default=0.02, ge=0, le=1)
    """The share of the pieces over which the learning rate rises from nothing."""
    decay: float = Field(default=0.5, ge=0, le=1)
    """The share of the pieces, the last, over which it falls to nothing, linearly."""
    focus: float = Field(default=1.0, gt=0, le=1)
    """The share of the texts' sequences that is learned from, those most like `[data] like`."""
    masked: float = Field(default=0.2, gt=0, lt=1)
    """The share of words that are hidden."""
    seed: int = 13


class OptimizerSection(Section):
    """`[optimizer]`: AdamW, or Muon for the matrices inside and AdamW for the rest."""

    name: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(default=2e-3, gt=0)
    """Of AdamW."""
    matrix_learning_rate: float = Field(default=0.02, gt=0)
    """Of Muon."""
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = Field(default=1.0, gt=0)
    """The largest norm of all gradients together."""


class RunSection(Section):
    """`[run]`: what does not change the result, but for rounding."""

    bf16: bool | None = None
    """None: where the hardware has it."""
    compile: bool = False
    log_steps: int = Field(default=50, ge=1)
    evaluate_steps: int = Field(default=1000, ge=1)
    checkpoint_steps: int = Field(default=500, ge=1)


class PretrainConfig(Section):
    """Everything that decides a pre-training."""

    model: ModelSection
    data: TextSection
    schedule: ScheduleSection
    optimizer: OptimizerSection = Field(default_factory=OptimizerSection)
    run: RunSection = Field(default_factory=RunSection)

    @model_validator(mode="after")
    def _focuses_on_something(self) -> "PretrainConfig":
        if self.schedule.focus < 1 and not self.data.like:
            raise ValueError(
                f"schedule.focus = {self.schedule.focus}: on passages like what? expected "
                "data.like, reports of the kind that the encoder is for"
            )
        return self

"""What a run is told, in a form that can be sent to other processes."""

from dataclasses import dataclass
from pathlib import Path

from annotation.formats.options import ReadOptions
from annotation.problems import UserError
from inference.memory import load_guarded
from inference.predictor import DEFAULT_BATCH_TOKENS, BatchPredictor, check_least_score

SHARD_BYTES = 4 << 20
"""About how much of the inputs a shard holds: what a crash costs, what a worker gets at once."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the inputs are read and the shards written."""

    options: ReadOptions
    output_format: str = "predictions"
    shard_bytes: int = SHARD_BYTES
    review_below: float | None = None
    """With it, reports that a person should look at are listed; see inference/review.py."""


@dataclass(frozen=True, slots=True)
class ModelOfRun:
    """A model folder and how it is run."""

    folder: Path
    device: str
    """cpu, cuda or cuda:N"""
    batch_tokens: int
    precision: str = "exact"
    least_score: float | None = None
    """None: that of the model's calibration."""

    @classmethod
    def of(
        cls,
        folder: Path,
        device: str,
        batch_tokens: int | None,
        precision: str = "exact",
        least_score: float | None = None,
    ) -> "ModelOfRun":
        """`batch_tokens` None: what suits the device. Raises UserError."""
        check_least_score(least_score)
        if batch_tokens is None:
            batch_tokens = DEFAULT_BATCH_TOKENS[device.partition(":")[0]]
        if batch_tokens < 1:
            raise UserError(f"--batch-tokens {batch_tokens}: expected 1 or more")
        return cls(folder, device, batch_tokens, precision, least_score)

    @property
    def device_type(self) -> str:
        """cpu or cuda"""
        return self.device.partition(":")[0]

    def load(self) -> BatchPredictor:
        """The predictor, which goes on with smaller batches where memory is short."""
        return load_guarded(
            self.folder,
            device=self.device,
            precision=self.precision,
            batch_tokens=self.batch_tokens,
            least_score=self.least_score,
        )

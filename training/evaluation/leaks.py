"""Whether what was measured on had been learned from: held-out reports near training reports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from annotation.duplicates import THRESHOLD, near_duplicates_among
from annotation.report import Report
from training.evaluation.figures import Measured

NOT_CHECKED = "not checked, no training reports were given (--train FILE)"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out report, a training report that it nearly equals, and their Jaccard similarity."""

    id: str
    train_id: str
    similarity: float

    def __str__(self) -> str:
        return f"{self.id} ~ {self.train_id} {self.similarity:.2f}"


def find_leaks(
    held_out: Sequence[Report], training: Sequence[Report], threshold: float = THRESHOLD
) -> list[Leak]:
    """The held-out reports that are near-duplicates of training reports, as `split` finds them."""
    pairs = near_duplicates_among(
        [report.text for report in held_out], [report.text for report in training], threshold
    )
    return [
        Leak(held_out[pair.first].id, training[pair.second].id, pair.similarity) for pair in pairs
    ]


def fitted_on(record: Mapping[str, Any], gold: Mapping[str, str]) -> dict[str, str]:
    """Which of the `gold` files (name: hash) a model's record names as its own, and as what."""
    parts = record.get("data", {})
    return {
        file: part
        for part in ("dev", "train")
        for file, digest in gold.items()
        if digest in parts.get(part, {}).get("files", {}).values()
    }


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """What is known of leaks, and the figures without them."""

    reports: int
    """How many were measured on."""
    leaks: list[Leak] | None
    """None: not checked."""
    without: Measured | None
    """Strict figures without the reports that leaked; None where none did, or all."""
    fitted_on: dict[str, str] = field(default_factory=dict)
    """Gold files that the model's record names, and as what (train, dev)."""

    @property
    def message(self) -> str:
        """In a sentence."""
        if self.leaks is None:
            return NOT_CHECKED
        if not self.leaks:
            return f"none among {self.reports} reports"
        named = "; ".join(map(str, self.leaks[:_NAMED])) + (" …" if self.leaks[_NAMED:] else "")
        return f"{len(self.leaks)} of {self.reports} reports ({named})"

    def warnings(self) -> list[str]:
        """What has to stand above the figures; nothing where no leak is known."""
        lines = [
            f"LEAK: {file} is what this model was fitted on; the figures say nothing of new reports"
            if part == "train"
            else f"LEAK: {file} is what this model's best epoch was picked on; the figures flatter"
            for file, part in self.fitted_on.items()
        ]
        if self.leaks and len(self.leaks) == self.reports:
            lines.append(
                f"LEAK: all {self.reports} reports are near-duplicates of training reports; "
                "the figures say nothing of new ones"
            )
        elif self.leaks:
            lines.append(f"LEAK: near-duplicates of training reports: {self.message}")
        if self.without is not None:
            f1 = self.without.scores.micro.f1
            lines.append(f"without them micro F1 is {f1:.4f}; below are the figures with them")
        return lines

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` carries it."""
        return {
            "checked": self.leaks is not None,
            "message": self.message,
            "fitted_on": self.fitted_on,
            "near_duplicates": [asdict(leak) for leak in self.leaks or ()],
            "without": None if self.without is None else self.without.to_json(),
        }

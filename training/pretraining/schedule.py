"""What each step of a pre-training is: how many sequences, at what share of the learning rate."""

from dataclasses import dataclass

from training.pretraining.config import ScheduleSection

GROWTHS = 8
"""A batch grows so many times. Were each a little larger than the one before, none would fit into
the memory that the others left: a run on two cores came to hold 13 GB."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser."""

    number: int
    first_sequence: int
    """How many sequences were learned before."""
    sequences: int
    rate: float
    """The share of the full learning rate, 0 to 1."""


def plan_steps(
    schedule: ScheduleSection, multiple: int = 1, *, number: int = 0, seen: int = 0
) -> list[Step]:
    """The steps of a run after the first `number`, which learned `seen` sequences.

    Batches are multiples of `multiple` sequences (processes, say).
    """
    total = max(schedule.pieces // schedule.sequence, multiple)
    steps: list[Step] = []
    while seen < total:
        share = seen / total
        sequences = _batch(schedule, share, multiple)
        rate = _rate(schedule, share + 0.5 / total)
        steps.append(Step(number + len(steps), seen, sequences, rate))
        seen += sequences
    return steps


def _batch(schedule: ScheduleSection, share: float, multiple: int) -> int:
    small, large = schedule.batch
    grown = min(share / schedule.growth, 1.0) if schedule.growth else 1.0
    wanted = small + (large - small) * int(grown * GROWTHS) / GROWTHS
    return max(int(wanted / multiple) * multiple, multiple)


def _rate(schedule: ScheduleSection, share: float) -> float:
    """Rises, stays, falls (warm-up, stable, decay)."""
    rising = share / schedule.warmup if schedule.warmup else 1.0
    falling = (1 - share) / schedule.decay if schedule.decay else 1.0
    return max(min(rising, falling, 1.0), 0.0)

"""Copies of training reports with other names and with noise, decided by a seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from annotation.report import Report
from training.augmentation.edits import edited
from training.augmentation.mentions import MentionSwapper
from training.augmentation.names import our_names
from training.augmentation.noise import with_noise
from training.config import AugmentationSection


def augmented(reports: Sequence[Report], settings: AugmentationSection, seed: int) -> list[Report]:
    """The reports, and behind them `settings.copies` changed copies of each."""
    swapper = MentionSwapper(reports, our_names())
    result = list(reports)
    for copy in range(1, settings.copies + 1):
        for number, report in enumerate(reports):
            random = np.random.default_rng([seed, copy, number])
            changed = edited(report, swapper.swaps(report, settings.mentions, random))
            if random.random() < settings.noise:
                changed = with_noise(changed, random)
            result.append(replace(changed, id=f"{report.id}#{copy}"))
    return result

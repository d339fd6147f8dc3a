"""Reports divided into k folds, each to be held out once."""

import hashlib
from collections.abc import Sequence

from annotation.duplicates import THRESHOLD, near_duplicate_groups
from annotation.problems import UserError
from annotation.report import Report


def fold_reports(
    reports: Sequence[Report], folds: int, seed: int, similarity: float = THRESHOLD
) -> list[list[Report]]:
    """`folds` lists of about as many reports; each list in the order of the input.

    Near-duplicates share a fold, else a model would be measured on what it had learned from. Which
    fold depends on the seed, the ids and the texts alone, not on the order of the input. Raises
    UserError where there are fewer groups of near-duplicates than folds.
    """
    groups = near_duplicate_groups([report.text for report in reports], similarity)
    grouped = {index for group in groups for index in group}
    groups += [[index] for index in range(len(reports)) if index not in grouped]
    if len(groups) < 2:
        which = (
            f"{len(reports)} near-duplicates of one report" if len(reports) > 1 else "one report"
        )
        raise UserError(
            f"--folds {folds}: {which} only, and nothing is left to learn from when it is held "
            "out; expected two or more reports that differ"
        )
    if folds < 2 or folds > len(groups):
        raise UserError(
            f"--folds {folds}: expected 2 to {len(groups)}, as many as there are reports that are "
            "not near-duplicates of each other"
        )

    def order(group: Sequence[int]) -> tuple[int, bytes]:
        name = min(reports[index].id for index in group)
        return -len(group), hashlib.sha256(f"{seed}:{name}".encode()).digest()

    fold_of: dict[int, int] = {}
    sizes = [0] * folds
    # The largest groups first, each to the smallest fold: sizes differ by no more than they must.
    for group in sorted(groups, key=order):
        fold = sizes.index(min(sizes))
        sizes[fold] += len(group)
        fold_of.update(dict.fromkeys(group, fold))
    return [
        [report for index, report in enumerate(reports) if fold_of[index] == fold]
        for fold in range(folds)
    ]

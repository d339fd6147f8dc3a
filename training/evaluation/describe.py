"""Figures as lines to read."""

from collections.abc import Mapping

from training.evaluation.figures import Interval, Measured

INTERVAL_WIDTH = 15
_SHOWN_GROUPS = 6


def describe_figures(measured: Measured) -> list[str]:
    """Precision, recall, F1 and its interval, labels first, then micro and macro."""
    scores, intervals = measured.scores, measured.f1_intervals()
    head = f"{'':12}{'precision':>10}{'recall':>10}{'F1':>10}  {'interval':>{INTERVAL_WIDTH}}"
    lines = [f"{head}{'gold':>8}"]
    rows = [(name, counts, intervals[name]) for name, counts in sorted(scores.labels.items())]
    for name, counts, interval in [*rows, ("micro", scores.micro, measured.micro_interval)]:
        figures = f"{counts.precision:10.4f}{counts.recall:10.4f}{counts.f1:10.4f}"
        lines.append(f"{name:12}{figures}  {tell_interval(interval)}{counts.gold:8}")
    return lines


def tell_interval(interval: Interval) -> str:
    """`0.4312–0.5120` or a dash, aligned to the right."""
    told = "–" if interval is None else f"{interval[0]:.4f}–{interval[1]:.4f}"
    return f"{told:>{INTERVAL_WIDTH}}"


def describe_slices(slices: Mapping[str, Mapping[str, Measured]]) -> list[str]:
    """A line a slice that has several groups with gold: micro F1 of each, the worst first."""
    lines = []
    for name, groups in slices.items():
        micros = [(group, one.scores.micro) for group, one in groups.items()]
        ordered = sorted((c.f1, group, c.gold) for group, c in micros if c.gold)
        if len(ordered) > 1:
            told = [f"{group} {f1:.4f} ({gold})" for f1, group, gold in ordered[:_SHOWN_GROUPS]]
            more = len(ordered) - _SHOWN_GROUPS
            if more > 0:
                told.append(f"{more} better ones")
            lines.append(f"F1 by {name.replace('_', ' ')}: {'; '.join(told)}")
    return lines

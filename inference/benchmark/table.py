"""The figures of a benchmark as a table for people."""

from collections.abc import Mapping
from typing import Any

from inference.benchmark.ways import PIPELINE

RATE_OF = {"fast": "bf16", "fastest": "bf16"}
"""Whose matrix rate a way is held against, where it is not fp32's; int8 has none of its own."""
HEAD = (
    "way",
    "batch",
    "pieces/s",
    "from–to",
    "reports/s",
    "× pipeline",
    "of matrix rate",
    "memory, MB",
    "spans as reference",
    "F1",
)


def speed_table(content: Mapping[str, Any]) -> list[str]:
    """Markdown, a line each."""
    machine, rates, work = content["machine"], content["matrix_rates"], content["work"]
    others = [name for name in (PIPELINE, f"{PIPELINE}-mkl") if _speed(content, name)]
    head = list(HEAD)
    if len(others) == 2:
        head.insert(6, "× pipeline with MKL's fast path")
    rows = [_row(one, content, others) for one in content["ways"]]
    told = " and ".join(f"{rate / 1e12:.2f} ({kind})" for kind, rate in rates.items())
    return [
        f"{machine['gpu'] or machine['processor']}, {machine['cores']} cores; {told} TFLOP/s of "
        f"matrix products; {work['reports']:,} reports, {work['pieces']:,} pieces; medians of "
        f"{content['repetitions']} turns",
        "",
        _line(head),
        _line(["---"] * len(head)),
        *map(_line, rows),
        *[f"\n{name}: {why}" for name, why in content["left_out"].items()],
    ]


def _row(one: Mapping[str, Any], content: Mapping[str, Any], others: list[str]) -> list[str]:
    pieces = content["work"]["pieces"]
    rate = content["matrix_rates"][RATE_OF.get(one["name"], "fp32")]
    ratios = [f"{one['pieces_per_second'] / _speed(content, name):.2f}" for name in others]
    return [
        one["title"],
        "" if one["batch"] is None else f"{one['batch']:,}",
        f"{one['pieces_per_second']:,.0f}",
        f"{pieces / max(one['seconds']):,.0f}–{pieces / min(one['seconds']):,.0f}",
        f"{one['reports_per_second']:,.1f}",
        *(ratios or [""]),
        f"{one['operations_per_second'] / rate:.2f}",
        f"{one['peak_memory'] / 1e6:,.0f}",
        "" if one["agreement"] is None else f"{one['agreement']:.4f}",
        "" if one["f1"] is None else f"{one['f1']:.4f}",
    ]


def _speed(content: Mapping[str, Any], name: str) -> float:
    """Pieces a second; 0 where the way was not measured."""
    return next((w["pieces_per_second"] for w in content["ways"] if w["name"] == name), 0.0)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"

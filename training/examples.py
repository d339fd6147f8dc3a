"""Reports → windows of piece ids with a tag on each word's first piece: what the model learns from.

The windows are the predictor's own, so that a word is learned in the very context in which it will
be predicted, once an epoch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from annotation.report import Report
from annotation.tags import spans_to_tags
from inference.pieces import read_pieces
from inference.windows import WindowCutter
from training.data import warn_of_untaggable

IGNORED = -100
"""Label of pieces that the loss leaves out: all but the first of each word."""


def build_examples(
    reports: Sequence[Report], tokenizer: Any, tags: Sequence[str], window_size: int
) -> Dataset:
    """A row a window: `input_ids`, `labels` and `length` (pieces), in the order of the reports.

    Spans that tags cannot say are counted and the first ones named in the log.
    """
    index = {tag: number for number, tag in enumerate(tags)}
    cutter = WindowCutter(tokenizer, window_size)
    rows: dict[str, list[Any]] = {"input_ids": [], "labels": [], "length": []}
    taggings = []
    readings = read_pieces(tokenizer, [report.text for report in reports])
    for report, reading in zip(reports, readings, strict=True):
        tagging = spans_to_tags(reading.words, report.spans or ())
        taggings.append((report, tagging))
        numbers = np.array([index[tag] for tag in tagging.tags], np.int64)
        for window in cutter.cut(reading):
            labels = np.full(len(window.ids), IGNORED, np.int64)
            labels[window.rows] = numbers[window.words]
            rows["input_ids"].append(window.ids)
            rows["labels"].append(labels)
            rows["length"].append(len(window.ids))
    warn_of_untaggable(taggings)
    return Dataset.from_dict(rows)

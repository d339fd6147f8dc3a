"""Spans ↔ IOB2 tags, a tag a word. The only place where the one becomes the other.

Training, evaluation, prediction and CoNLL all come through here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.report import Span
from annotation.word_arrays import IntArray
from annotation.words import Word

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags of a report, and what they could not hold of its spans.

    `moved` pairs each span whose edges were not word edges with what the tags say instead; `lost`
    are the spans that no tags can say: they cover no word, or one that another span has.
    """

    tags: list[str]
    moved: list[tuple[Span, Span]]
    lost: list[Span]


def tag_names(labels: Sequence[str]) -> list[str]:
    """`O`, then B- and I- of each label, in the order of `labels`: a model's outputs."""
    return [OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def labels_of_tags(names: Sequence[str]) -> list[str]:
    """The labels behind the names that `tag_names` gave, in their order."""
    return [name[2:] for name in names if name.startswith("B-")]


def spans_to_tags(words: Sequence[Word], spans: Sequence[Span]) -> Tagging:
    """Tag `words` with `spans` (sorted, not overlapping)."""
    tags = [OUTSIDE] * len(words)
    moved, lost = [], []
    starts = [word.start for word in words]
    ends = [word.end for word in words]
    for span in spans:
        first = bisect_right(ends, span.start)
        last = bisect_left(starts, span.end) - 1
        if first > last or tags[first] != OUTSIDE:
            lost.append(span)
            continue
        tags[first] = f"B-{span.label}"
        tags[first + 1 : last + 1] = [f"I-{span.label}"] * (last - first)
        covered = Span(starts[first], ends[last], span.label)
        if covered != span:
            moved.append((span, covered))
    return Tagging(tags, moved, lost)


def tags_to_spans(words: Sequence[Word], tags: Sequence[str]) -> list[Span]:
    """The spans that well-formed IOB2 `tags` say. Raises ValueError for other sequences."""
    if len(words) != len(tags):
        raise ValueError(f"{len(words)} words but {len(tags)} tags")
    spans: list[Span] = []
    previous = OUTSIDE
    for index, (word, tag) in enumerate(zip(words, tags, strict=True)):
        if tag.startswith("B-"):
            spans.append(Span(word.start, word.end, tag[2:]))
        elif tag.startswith("I-") and previous[2:] == tag[2:]:
            spans[-1] = Span(spans[-1].start, word.end, tag[2:])
        elif tag != OUTSIDE:
            raise ValueError(f"{tag} of word {index} follows {previous}: not IOB2")
        previous = tag
    return spans


def find_runs(tags: IntArray, names: Sequence[str]) -> IntArray:
    """[spans, 2]: the first word of each span, and the one behind its last, in an array of tags.

    `tags` [words] are indices into `names`, well-formed IOB2; reports may stand one behind the
    other. The spans are those of `tags_to_spans`, each of the label of its first tag.
    """
    begins = np.array([name.startswith("B-") for name in names])
    goes_on = np.array([name.startswith("I-") for name in names])
    first = np.flatnonzero(begins[tags])
    stops = np.append(np.flatnonzero(~goes_on[tags]), len(tags))
    return np.stack([first, stops[np.searchsorted(stops, first, side="right")]], 1)


def to_iob2(tags: Sequence[str]) -> list[str]:
    """Rewrite IOB1, IOB2, BIOES or BILOU tags, well-formed or not, as IOB2.

    An I- that continues nothing begins a span. Raises ValueError for a tag of no such scheme.
    """
    result = []
    previous_prefix, previous_label = OUTSIDE, ""
    for tag in tags:
        prefix, _, label = tag.partition("-")
        if tag != OUTSIDE and (prefix not in tuple("BIESLU") or not label):
            raise ValueError(f"tag {tag!r}: expected O, or one of B- I- E- S- L- U- and a label")
        continues = previous_prefix in tuple("BI") and previous_label == label
        if tag == OUTSIDE:
            result.append(OUTSIDE)
        elif prefix in tuple("IEL") and continues:
            result.append(f"I-{label}")
        else:
            result.append(f"B-{label}")
        previous_prefix, previous_label = prefix, label
    return result

"""How far annotators agree: span F1 of each two of them, and Cohen's kappa over their words.

F1 is over spans, strictly and by overlap (`annotation.scoring`); between two people it is the same
both ways. Kappa takes off what two would agree on by chance; it is over IOB2 tags, a word each,
and per label over whether a word is in a span of it. Where little is marked, F1 comes close to it
(Hripcsak and Rothschild, Agreement, the F-measure, and reliability in information retrieval, 2005).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import cohen_kappa_score

from annotation.disagreement import KINDS, Disagreement, find_disagreements
from annotation.problems import UserError
from annotation.readings import SharedReport
from annotation.scoring import Scores, count_overlaps, score_reports
from annotation.tags import spans_to_tags, tag_names
from annotation.words import find_words

ALL_LABELS = "all"
"""The row of a table that is about all labels together."""
_SHOWN = 20
"""How many disagreements are told; the list of all goes into a file."""

Tags = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of an annotator and another, or of one and all others."""

    annotators: tuple[str, ...]
    """Two, or one who is compared with everybody else."""
    documents: int
    """That both annotated; with everybody else, the pairs of such readings."""
    words: int
    strict: Scores
    """What the first marked is counted as gold, what the other marked as predicted."""
    overlap: Scores
    kappa: float | None
    """None where everything is marked alike and nothing differs: chance alone would do that."""
    label_kappas: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """The figures by label, and of all labels."""
        return {
            "annotators": list(self.annotators),
            "documents": self.documents,
            "words": self.words,
            "labels": {row.label: row.to_json() for row in self.rows()},
        }

    def rows(self) -> "Iterator[Row]":
        """A row for each label, and one for all."""
        overlap, kappas = self.overlap, self.label_kappas
        for label, counts in self.strict.labels.items():
            yield Row(
                label,
                (counts.gold, counts.predicted),
                counts.f1,
                overlap.labels[label].f1,
                kappas[label],
            )
        micro = self.strict.micro
        marked = (micro.gold, micro.predicted)
        yield Row(ALL_LABELS, marked, micro.f1, overlap.micro.f1, self.kappa)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a label."""

    label: str
    marked: tuple[int, int]
    """How many spans the one and the other have."""
    strict_f1: float
    overlap_f1: float
    kappa: float | None

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {
            "marked": list(self.marked),
            "strict_f1": self.strict_f1,
            "overlap_f1": self.overlap_f1,
            "kappa": self.kappa,
        }


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """All that is to be said of who agrees with whom, and about what not."""

    readers: dict[int, int]
    """How many documents none, one, two … annotated."""
    pairs: list[Agreement]
    """Each two who annotated a document in common."""
    annotators: list[Agreement]
    """Each annotator with all others, where there are more than two."""
    disagreements: list[Disagreement]

    @property
    def kappa(self) -> float | None:
        """The mean of the pairs' kappas, weighted by the words that they have in common."""
        return _mean_kappa([(pair.kappa, pair.words) for pair in self.pairs])

    def to_json(self) -> dict[str, Any]:
        """What `agree --json` prints."""
        return {
            "documents_by_number_of_annotators": {str(n): c for n, c in self.readers.items()},
            "kappa": self.kappa,
            "pairs": [pair.to_json() for pair in self.pairs],
            "annotators": [one.to_json() for one in self.annotators],
            "disagreements": [one.to_json() for one in self.disagreements],
        }


def measure_agreement(documents: Sequence[SharedReport]) -> AgreementReport:
    """Compare all who annotated the same documents.

    Raises UserError where no document has two annotators.
    """
    shared = [document for document in documents if len(document.readings) > 1]
    if not shared:
        names = sorted({name for document in documents for name in document.readings})
        raise UserError(
            f"no report was annotated by two: {len(documents)} reports, annotated by "
            f"{', '.join(names) or 'nobody'}; expected exports with several annotators a task, or "
            "a file for each annotator with the same ids"
        )
    labels = sorted({s.label for d in shared for spans in d.readings.values() for s in spans})
    tags = [_tags_of(document, labels) for document in shared]
    pairs: dict[tuple[str, str], list[int]] = {}
    for index, document in enumerate(shared):
        for pair in combinations(document.readings, 2):
            pairs.setdefault(pair, []).append(index)
    compared = [
        _compare(pair, [shared[i] for i in pairs[pair]], [tags[i] for i in pairs[pair]], labels)
        for pair in sorted(pairs)
    ]
    names = sorted({name for pair in pairs for name in pair})
    return AgreementReport(
        readers=dict(sorted(Counter(len(document.readings) for document in documents).items())),
        pairs=compared,
        annotators=[_with_all_others(n, compared, labels) for n in names] if len(names) > 2 else [],
        disagreements=[found for document in shared for found in find_disagreements(document)],
    )


def _tags_of(document: SharedReport, labels: Sequence[str]) -> dict[str, Tags]:
    """Of each annotator the words' tags, as numbers: 0 outside, then B- and I- of each label."""
    number = {name: i for i, name in enumerate(tag_names(labels))}
    words = find_words(document.report.text)
    return {
        name: np.array([number[tag] for tag in spans_to_tags(words, spans).tags], np.int32)
        for name, spans in document.readings.items()
    }


def _compare(
    pair: tuple[str, str],
    documents: Sequence[SharedReport],
    tags: Sequence[Mapping[str, Tags]],
    labels: Sequence[str],
) -> Agreement:
    one, other = pair
    spans = [(document.readings[one], document.readings[other]) for document in documents]
    ones = np.concatenate([by_name[one] for by_name in tags])
    others = np.concatenate([by_name[other] for by_name in tags])
    return Agreement(
        annotators=pair,
        documents=len(documents),
        words=len(ones),
        strict=score_reports(spans, labels),
        overlap=score_reports(spans, labels, count_overlaps),
        kappa=_kappa(ones, others),
        # Behind the 0 of what is outside, two numbers are one label's.
        label_kappas={
            label: _kappa((ones + 1) // 2 == place, (others + 1) // 2 == place)
            for place, label in enumerate(labels, 1)
        },
    )


def _kappa(ones: npt.NDArray[Any], others: npt.NDArray[Any]) -> float | None:
    # All words with one tag, on both sides: chance would do no worse, and kappa is 0 over 0.
    if not len(ones) or (np.all(ones == ones[0]) and np.all(others == ones[0])):
        return None
    return float(cohen_kappa_score(ones, others))


def _with_all_others(name: str, pairs: Sequence[Agreement], labels: Sequence[str]) -> Agreement:
    """The pairs of one annotator taken together: counts added, kappas averaged over words."""
    own = [pair for pair in pairs if name in pair.annotators]
    turned = [pair.annotators[0] != name for pair in own]
    return Agreement(
        annotators=(name,),
        documents=sum(pair.documents for pair in own),
        words=sum(pair.words for pair in own),
        strict=_added([pair.strict for pair in own], turned),
        overlap=_added([pair.overlap for pair in own], turned),
        kappa=_mean_kappa([(pair.kappa, pair.words) for pair in own]),
        label_kappas={
            label: _mean_kappa([(pair.label_kappas[label], pair.words) for pair in own])
            for label in labels
        },
    )


def _added(scores: Sequence[Scores], turned: Sequence[bool]) -> Scores:
    """The sum of scores of the same labels; those `turned` with gold and predicted exchanged."""
    seen = [one.turned() if turn else one for one, turn in zip(scores, turned, strict=True)]
    return sum(seen[1:], seen[0])


def _mean_kappa(kappas: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(kappa, words) for kappa, words in kappas if kappa is not None]
    if not known:
        return None
    return sum(kappa * words for kappa, words in known) / sum(words for _, words in known)


def describe(agreement: AgreementReport) -> list[str]:
    """The figures and the first disagreements, as lines to read."""
    total = sum(agreement.readers.values())
    by_two = sum(count for readers, count in agreement.readers.items() if readers > 1)
    lines = [
        f"{total:,} documents: {by_two:,} annotated by two or more, "
        f"{agreement.readers.get(1, 0):,} by one, {agreement.readers.get(0, 0):,} by nobody",
        f"kappa over words, mean of the pairs: {_figure(agreement.kappa)}",
    ]
    for one in (*agreement.pairs, *agreement.annotators):
        lines += ["", *_table(one)]
    return [*lines, "", *_disagreement_lines(agreement.disagreements)]


def _table(agreement: Agreement) -> list[str]:
    if len(agreement.annotators) == 1:
        (name,) = agreement.annotators
        title, others = f"{name} and all others", "others"
    else:
        name, others = agreement.annotators
        title = f"{name} and {others}"
    rows = list(agreement.rows())
    width = max(len(row.label) for row in rows)
    widths = [max(len(column), 7) for column in (name, others)]
    lines = [
        f"{title}: {agreement.documents:,} documents, {agreement.words:,} words",
        f"{'spans of':<{width}}  {name:>{widths[0]}}  {others:>{widths[1]}}"
        "  strict F1  overlap F1   kappa",
    ]
    for row in rows:
        lines.append(
            f"{row.label:<{width}}  {row.marked[0]:>{widths[0]},}  {row.marked[1]:>{widths[1]},}"
            f"  {row.strict_f1:>9.4f}  {row.overlap_f1:>10.4f}  {_figure(row.kappa):>6}"
        )
    return lines


def _figure(kappa: float | None) -> str:
    return "–" if kappa is None else f"{kappa:.4f}"


def _disagreement_lines(disagreements: Sequence[Disagreement]) -> list[str]:
    if not disagreements:
        return ["they disagree about nothing"]
    kinds = Counter(kind for one in disagreements for kind in one.kinds)
    counted = ", ".join(f"{kind} {kinds[kind]:,}" for kind in KINDS)
    lines = [f"{len(disagreements):,} disagreements ({counted}; one may be of several kinds)"]
    for one in disagreements[:_SHOWN]:
        lines.append(f"  {one.document} {one.start}–{one.end} {', '.join(one.kinds)}")
        lines += [f"    {name}: {told}" for name, told in one.in_words().items()]
    if len(disagreements) > _SHOWN:
        lines.append(f"  … and {len(disagreements) - _SHOWN:,} more; --output lists them all")
    return lines

"""Names that reports mark, and where other texts hold them: the longest that begins at a word.

Words are compared folded (`inference.names.letters`), the first one without its proclitics where
the other names tell them (`training.augmentation.clitics`). A name is as good as it is in the
training reports: where they hold it, is it marked? They themselves are read as if their own spans
had not been seen; else every name of theirs would be known, as no name of a new report is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from annotation.problems import UserError
from annotation.report import Report
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import find_words
from inference.names.letters import folded
from training.augmentation.clitics import CliticReader

Name = tuple[str, ...]
"""The words of a name, as they are compared."""
_Marked = tuple[int, int, Name, str]
"""A span: its first word, the one behind its last, the words folded, the label."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """Words of a text that are a known name."""

    start: int
    end: int
    """Word indices, `end` exclusive."""
    label: str
    share: float
    """How many of its other matches are marked so, by the rule of succession: (r + 1) / (n + 2)."""


@dataclass(frozen=True, slots=True)
class _Met:
    """What one training report tells of names: the labels it marks them with, its matches."""

    labels: Mapping[Name, Counter[str]]
    matched: Counter[Name]
    right: Counter[Name]


_NOTHING = _Met({}, Counter(), Counter())


class KnownNames:
    """The names of reports, by label."""

    def __init__(self, reports: Sequence[Report]) -> None:
        """Names are the spans of `reports`, in whole words. Raises UserError without any."""
        marked = {report.id: _marked_words(report) for report in reports}
        if not any(marked.values()):
            raise UserError(
                f"nothing to learn: none of {len(reports)} training reports has a span; "
                "expected annotated reports"
            )
        self._clitics = CliticReader(
            spelt[0] for names in marked.values() for _, _, spelt, _ in names
        )
        self._bare_words: dict[str, str] = {}
        self._labels: dict[Name, Counter[str]] = defaultdict(Counter)
        labels_of = {report_id: self._labels_of(names) for report_id, names in marked.items()}
        for of_report in labels_of.values():
            for name, labels in of_report.items():
                self._labels[name].update(labels.keys())
        self._tails: dict[str, list[Name]] = defaultdict(list)
        for name in sorted(self._labels, key=lambda name: (-len(name), name)):
            self._tails[name[0]].append(name[1:])
        self._met: dict[str, _Met] = {}
        for report in reports:
            self._met[report.id] = self._meet(report, labels_of[report.id], marked[report.id])

    @cached_property
    def _totals(self) -> _Met:
        """Of all reports together; their labels stand in `_labels`."""
        matched: Counter[Name] = Counter()
        right: Counter[Name] = Counter()
        for met in self._met.values():
            matched.update(met.matched)
            right.update(met.right)
        return _Met({}, matched, right)

    def find(self, forms: Sequence[str], least_share: float = 0) -> list[NameMatch]:
        """The known names among the words of a text, from left to right, none over another.

        Names that are right less often than `least_share` are passed over.
        """
        return self._find(forms, _NOTHING, least_share)

    def find_in_training(self, report: Report, least_share: float = 0) -> list[NameMatch]:
        """The same in a report that the names are of, by what the others say."""
        forms = [report.text[start:end] for start, end in find_words(report.text)]
        return self._find(forms, self._met[report.id], least_share)

    def _find(self, forms: Sequence[str], own: _Met, least_share: float) -> list[NameMatch]:
        found = []
        for start, name, label in self._matches(forms, own, least_share):
            share = self._share(name, own)
            found.append(NameMatch(start, start + len(name), label, share))
        return found

    def _matches(
        self, forms: Sequence[str], own: _Met, least_share: float = 0
    ) -> Iterator[tuple[int, Name, str]]:
        words = [folded(form) for form in forms]
        start = 0
        while start < len(words):
            first = self._bare(words[start])
            for tail in self._tails.get(first, ()):
                if tuple(words[start + 1 : start + 1 + len(tail)]) != tail:
                    continue
                name = (first, *tail)
                label = self._label(name, own)
                if label is not None and (not least_share or self._share(name, own) >= least_share):
                    yield start, name, label
                    start += len(tail)
                    break
            start += 1

    def _label(self, name: Name, own: _Met) -> str | None:
        """The label that most other reports mark a name with; None where none does."""
        labels = self._labels[name]
        if name in own.labels:
            labels = labels - Counter(own.labels[name].keys())
        return min(labels, key=lambda label: (-labels[label], label), default=None)

    def _share(self, name: Name, own: _Met) -> float:
        right = self._totals.right[name] - own.right[name]
        matched = self._totals.matched[name] - own.matched[name]
        return (right + 1) / (matched + 2)

    def _meet(
        self,
        report: Report,
        labels: Mapping[Name, Counter[str]],
        marked: Sequence[_Marked],
    ) -> _Met:
        met = _Met(labels, Counter(), Counter())
        spans = {(start, end, label) for start, end, _, label in marked}
        forms = [report.text[start:end] for start, end in find_words(report.text)]
        for start, name, label in self._matches(forms, met):
            met.matched[name] += 1
            met.right[name] += (start, start + len(name), label) in spans
        return met

    def _labels_of(self, marked: Sequence[_Marked]) -> dict[Name, Counter[str]]:
        labels: dict[Name, Counter[str]] = defaultdict(Counter)
        for _, _, spelt, label in marked:
            labels[(self._bare(spelt[0]), *spelt[1:])][label] += 1
        return labels

    def _bare(self, word: str) -> str:
        """Without proclitics, where it surely has some."""
        if word not in self._bare_words:
            read = self._clitics.read(word) if word else None
            self._bare_words[word] = word if read is None else read.word
        return self._bare_words[word]


def _marked_words(report: Report) -> list[_Marked]:
    words = find_words(report.text)
    index = {word.start: number for number, word in enumerate(words)}
    tags = spans_to_tags(words, report.spans or ()).tags
    marked = []
    for span in tags_to_spans(words, tags):
        start = index[span.start]
        end = next(i for i in range(start, len(words)) if words[i].end == span.end) + 1
        spelt = tuple(folded(report.text[s:e]) for s, e in words[start:end])
        if spelt[0]:
            marked.append((start, end, spelt, span.label))
    return marked

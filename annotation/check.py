"""Says what is wrong with a data set and how much, and what there is of it.

A finding is something that a person should look at; a figure is a fact. Nothing is changed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from annotation.duplicates import SimilarPair, joining_pairs
from annotation.ledger import Record
from annotation.problems import Rejection, Repair
from annotation.report import Report, Span
from annotation.split import source_of
from annotation.tags import spans_to_tags
from annotation.words import find_words

EXAMPLES = 5
"""How many examples a finding keeps; `count` counts all."""
_SHOWN = 60
"""Characters of a report that an example shows at most."""


@dataclass(frozen=True, slots=True)
class Example:
    """One case of a finding: where, what was found, what was expected."""

    file: str
    id: str | None
    found: str
    expected: str = ""
    start: int | None = None
    end: int | None = None
    line: int | None = None


@dataclass(slots=True)
class Finding:
    """Something wrong: its kind, what that means, how often, and the first cases."""

    kind: str
    meaning: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        """Count a case, and keep it if it is among the first."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is. Lengths are in words."""

    files: dict[str, int]
    """Reports per file."""
    reports: int
    annotated: int
    without_spans: int
    """Annotated reports in which nothing is marked."""
    words: int
    longest: int
    median_length: float
    shortest: int
    labels: dict[str, int]
    """Spans per label."""
    sources: dict[str, dict[str, int]]
    """Per source: `reports`, `words`, and spans per label."""
    two_labels: dict[str, dict[str, int]]
    """The texts that are marked with several labels most often, with how often each.

    That may be right (a capital that acts, and that is a place), so it is no finding.
    """


@dataclass(frozen=True, slots=True)
class DataCheck:
    """All that a check has to say."""

    findings: list[Finding]
    figures: Figures

    def to_json(self) -> dict[str, Any]:
        """What `check --json` prints."""
        return {"findings": [asdict(f) for f in self.findings], "figures": asdict(self.figures)}


_MEANINGS = {
    "unknown_label": "the labels file has no such label",
    "span_widened": "a span ends inside a word; tags will say the whole word",
    "span_narrowed": "a span begins or ends outside a word; tags will say the words in it",
    "span_lost": "tags cannot say the span: it holds no word, or only a word of another span",
    "span_across_lines": "a span holds a line break; guidelines: it never crosses one",
    "blank_text": "a report with nothing to read",
    "not_annotated": "a report without spans among annotated ones: nobody has looked yet",
    "same_id": "several files have a report with this id",
    "copy": "the text of an earlier report of the same file",
    "near_duplicate": "a report is nearly the same as another of its file",
    "copy_across_files": "the same text stands in two files: a leak, if they are two splits",
    "near_duplicate_across_files": (
        "nearly the same text stands in two files: a leak, if they are two splits"
    ),
    "copies_disagree": "the same text is marked with other spans",
}
"""Findings by kind, in the order in which they are told, behind those of reading."""


class _Findings:
    """Findings by kind, made when they are first met."""

    def __init__(self) -> None:
        self._by_kind: dict[str, Finding] = {}

    def add(self, kind: str, example: Example, meaning: str | None = None) -> None:
        finding = self._by_kind.get(kind)
        if finding is None:
            finding = Finding(kind, _MEANINGS[kind] if meaning is None else meaning)
            self._by_kind[kind] = finding
        finding.add(example)

    def ordered(self) -> list[Finding]:
        """Those of reading in the order met, then as `_MEANINGS` has them."""
        order = list(_MEANINGS)
        return sorted(
            self._by_kind.values(), key=lambda f: order.index(f.kind) if f.kind in order else -1
        )


def check_files(files: Sequence[tuple[str, Iterable[Record]]], labels: Sequence[str]) -> DataCheck:
    """Check the records of each file, given with its name, against `labels`."""
    findings = _Findings()
    reports: list[tuple[str, Report]] = []
    for file, records in files:
        for record in records:
            if isinstance(record, Report):
                reports.append((file, record))
            else:
                _enter(record, findings)
    for file, report in reports:
        _check_report(file, report, labels, findings)
    _check_ids(reports, findings)
    _check_annotated(reports, findings)
    _check_duplicates(reports, findings)
    return DataCheck(findings.ordered(), _figures([name for name, _ in files], reports))


def _enter(record: Rejection | Repair, findings: _Findings) -> None:
    if isinstance(record, Rejection):
        kind, meaning = f"rejected: {record.reason}", "set aside in reading"
    else:
        kind, meaning = f"repaired: {record.kind}", "changed or left out in reading"
    example = Example(record.file, record.id, record.message, line=record.line)
    findings.add(kind, example, meaning)


def _check_report(file: str, report: Report, labels: Sequence[str], findings: _Findings) -> None:
    words = find_words(report.text)
    if not report.text.strip():
        findings.add(
            "blank_text", Example(file, report.id, f"{len(report.text)} characters", "a text")
        )
    if report.spans is None:
        return
    for span in report.spans:
        if span.label not in labels:
            expected = f"one of {', '.join(labels)}"
            findings.add("unknown_label", _at(file, report, span, expected, span.label))
        if len(report.text[span.start : span.end].splitlines()) > 1:
            findings.add("span_across_lines", _at(file, report, span, "a span for each line"))
    tagging = spans_to_tags(words, report.spans)
    for span, covered in tagging.moved:
        wider = covered.start < span.start or covered.end > span.end
        expected = f"{covered.start}–{covered.end} {_text_of(report, covered)}"
        kind = "span_widened" if wider else "span_narrowed"
        findings.add(kind, _at(file, report, span, expected))
    for span in tagging.lost:
        findings.add("span_lost", _at(file, report, span, "whole words of its own"))


def _check_ids(reports: Sequence[tuple[str, Report]], findings: _Findings) -> None:
    first_file: dict[str, str] = {}
    for file, report in reports:
        before = first_file.setdefault(report.id, file)
        if before != file:
            findings.add(
                "same_id", Example(file, report.id, f"also in {before}", "an id of its own")
            )


def _check_annotated(reports: Sequence[tuple[str, Report]], findings: _Findings) -> None:
    # Where nothing is annotated, the reports are there to be read by a model: nothing is missing.
    if all(report.spans is None for _, report in reports):
        return
    for file, report in reports:
        if report.spans is None:
            findings.add("not_annotated", Example(file, report.id, _shown(report.text), "spans"))


def _check_duplicates(reports: Sequence[tuple[str, Report]], findings: _Findings) -> None:
    for pair in joining_pairs([report.text for _, report in reports]):
        (first_file, first), (file, report) = reports[pair.first], reports[pair.second]
        kind = "copy" if first.text == report.text else "near_duplicate"
        if first_file != file:
            kind += "_across_files"
        findings.add(kind, Example(file, report.id, _named(pair, first_file, first)))
    first_with: dict[str, tuple[str, Report]] = {}
    for file, report in reports:
        if report.spans is None:
            continue
        first_file, first = first_with.setdefault(report.text, (file, report))
        if first.spans != report.spans:
            other = min(set(first.spans or ()) ^ set(report.spans))
            where = "here" if other in report.spans else "there"
            found = f"{other.label} {_text_of(report, other)} only {where}"
            expected = f"the spans of {first.id} in {first_file}"
            findings.add("copies_disagree", _at(file, report, other, expected, found))


def _figures(files: Sequence[str], reports: Sequence[tuple[str, Report]]) -> Figures:
    per_file = dict.fromkeys(files, 0)
    labels: Counter[str] = Counter()
    sources: dict[str, Counter[str]] = {}
    labels_of: dict[str, Counter[str]] = {}
    lengths = []
    for file, report in reports:
        per_file[file] += 1
        lengths.append(len(find_words(report.text)))
        source = sources.setdefault(source_of(report), Counter(reports=0, words=0))
        source.update(reports=1, words=lengths[-1])
        for span in report.spans or ():
            labels[span.label] += 1
            source[span.label] += 1
            labels_of.setdefault(_text_of(report, span), Counter())[span.label] += 1
    several = {text: counts for text, counts in labels_of.items() if len(counts) > 1}
    # Ordered by how often the rarer label is met: a slip is once, a doubtful case is often.
    often = sorted(several, key=lambda text: (-min(several[text].values()), text))
    return Figures(
        files=per_file,
        reports=len(reports),
        annotated=sum(report.spans is not None for _, report in reports),
        without_spans=sum(report.spans == () for _, report in reports),
        words=sum(lengths),
        longest=max(lengths, default=0),
        median_length=median(lengths) if lengths else 0,
        shortest=min(lengths, default=0),
        labels=dict(sorted(labels.items())),
        sources={name: dict(sources[name]) for name in sorted(sources)},
        two_labels={text: dict(several[text].most_common()) for text in often[:EXAMPLES]},
    )


def describe(checked: DataCheck) -> list[str]:
    """The check as lines to read: figures first, findings last, where the eye is."""
    figures = checked.figures
    lines = [
        f"reports   {figures.reports:,} in {len(figures.files)} file(s); "
        f"{figures.annotated:,} annotated, {figures.without_spans:,} of them without a span",
        f"words     {figures.words:,}; a report has {figures.shortest:,} to {figures.longest:,}, "
        f"median {figures.median_length:,.0f}",
        f"spans     {sum(figures.labels.values()):,}",
    ]
    if figures.two_labels:
        shown = [
            f"{text} ({', '.join(f'{label} {count}' for label, count in counts.items())})"
            for text, counts in figures.two_labels.items()
        ]
        lines.append(f"marked with several labels (it may be right): {'; '.join(shown)}")
    lines += ["", *_source_table(figures), ""]
    if not checked.findings:
        return [*lines, "nothing found that needs a person's eye"]
    width = max(len(finding.kind) for finding in checked.findings)
    lines.append(f"{'finding':<{width}}  {'count':>7}  meaning")
    for finding in checked.findings:
        lines.append(f"{finding.kind:<{width}}  {finding.count:>7,}  {finding.meaning}")
        lines.extend(f"    {_line_of(example)}" for example in finding.examples)
        if finding.count > len(finding.examples):
            lines.append(f"    … and {finding.count - len(finding.examples):,} more")
    return lines


def _source_table(figures: Figures) -> list[str]:
    columns = ["reports", "words", *figures.labels]
    total = Counter[str]()
    for counts in figures.sources.values():
        total.update(counts)
    rows = [("source", columns)]
    for name, counts in [*figures.sources.items(), ("all", dict(total))]:
        rows.append((name, [f"{counts.get(column, 0):,}" for column in columns]))
    name_width = max(len(name) for name, _ in rows)
    widths = [max(len(cells[i]) for _, cells in rows) for i in range(len(columns))]
    return [
        f"{name:<{name_width}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        for name, cells in rows
    ]


def _line_of(example: Example) -> str:
    where = example.file if example.line is None else f"{example.file}:{example.line}"
    if example.id is not None:
        where += f" ({example.id})"
    if example.start is not None:
        where += f" {example.start}–{example.end}"
    expected = f"; expected {example.expected}" if example.expected else ""
    return f"{where}: {example.found}{expected}"


def _at(file: str, report: Report, span: Span, expected: str, found: str = "") -> Example:
    return Example(
        file,
        report.id,
        found or _text_of(report, span),
        expected,
        start=span.start,
        end=span.end,
    )


def _named(pair: SimilarPair, file: str, report: Report) -> str:
    return f"{pair.similarity:.2f} like {report.id} in {file}"


def _text_of(report: Report, span: Span) -> str:
    return _shown(report.text[span.start : span.end])


def _shown(text: str) -> str:
    """`text` on one line and not too long; what a terminal would not show is escaped."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"

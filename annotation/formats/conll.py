"""CoNLL: a word a line with its tag last; ours tells offsets too, and so the text itself."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from annotation.formats.decoding import decode, numbered_lines
from annotation.formats.options import ReadOptions
from annotation.formats.rows import OWN_KEYS, check_whole_characters
from annotation.formats.source import Source
from annotation.formats.spans import further_keys
from annotation.ledger import Ledger, Record
from annotation.problems import Reason, Rejection, Repair
from annotation.report import InvalidReport, Report, Span
from annotation.tags import spans_to_tags, tags_to_spans, to_iob2
from annotation.words import Word, find_words

_COMMENT = re.compile(r"#\s?([\w.-]+) ?= ?(.*)")
_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[BIESLU]-.+")
_DOCUMENT_START = "-DOCSTART-"

Line = tuple[int, str]


def write_conll(reports: Iterable[Report], stream: IO[str], ledger: Ledger) -> int:
    """Write words with offsets and tags; what tags cannot say of the spans goes to `ledger`."""
    written = 0
    for report in reports:
        words = find_words(report.text)
        spans = report.spans or ()
        tagging = spans_to_tags(words, spans)
        for span, covered in tagging.moved:
            said = f"{span.label} {span.start}–{span.end} became {covered.start}–{covered.end}"
            _enter(ledger, report, "spans moved to word edges", said)
        for span in tagging.lost:
            said = f"{span.label} {span.start}–{span.end} has no word of its own and is left out"
            _enter(ledger, report, "spans without a word", said)
        if any(further_keys(span) for span in spans):
            _enter(ledger, report, "span keys left out", "CoNLL has no place for them")
        lost = {id(span) for span in tagging.lost}
        scores = [span.score for span in spans if id(span) not in lost]
        stream.write(f"# id = {_line_safe(report.id)}\n# text = {_json(report.text)}\n")
        fields = {key: value for key, value in report.fields.items() if key not in OWN_KEYS}
        if fields:
            stream.write(f"# fields = {_json(fields)}\n")
        if any(score is not None for score in scores):
            stream.write(f"# scores = {_json(scores)}\n")
        for word, tag in zip(words, tagging.tags, strict=True):
            stream.write(f"{report.text[word.start : word.end]}\t{word.start}\t{word.end}\t{tag}\n")
        stream.write("\n")
        written += 1
    return written


def _enter(ledger: Ledger, report: Report, kind: str, message: str) -> None:
    ledger.enter(Repair("output", None, report.id, kind, message))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line_safe(report_id: str) -> str:
    """The id itself, or its JSON where a line would not give it back."""
    plain = report_id.isprintable() and report_id == report_id.strip() and report_id
    return report_id if plain and not report_id.startswith('"') else _json(report_id)


def read_conll(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The reports of a CoNLL file, a block of lines each; a broken line costs its block.

    A block that tells its text gives exactly that text. In any other, the text is the words with
    single blanks between them.
    """
    for block in _blocks(source):
        first = block[0][0]
        report_id = None
        try:
            lines = [(number, decode(raw, options.encoding, "line")) for number, raw in block]
            comments, words = _sort_lines(lines)
            report_id = _read_id(comments.get("id"))
            text = _parse_json(comments.get("text"))
            if not words and text is None:
                continue
            given_id = report_id or f"{source.name}:{first}"
            if isinstance(text, str):
                report = _own_report(given_id, text, comments, words)
            else:
                report = _foreign_report(given_id, words)
            if not options.with_spans:
                report = Report(report.id, report.text, None, report.fields)
        except InvalidReport as error:
            yield first, Rejection(source.name, first, report_id, error.reason, str(error))
            continue
        yield first, report


def _blocks(source: Source) -> Iterator[list[tuple[int, bytes]]]:
    """Runs of lines between blank ones."""
    block: list[tuple[int, bytes]] = []
    with source.open() as stream:
        for number, raw in numbered_lines(stream, source.first_line):
            if raw.strip(b" \t\r\n"):
                block.append((number, raw.rstrip(b"\r\n")))
            elif block:
                yield block
                block = []
    if block:
        yield block


def _sort_lines(lines: Sequence[Line]) -> tuple[dict[str, str], list[Line]]:
    """Comments by their names, and the lines of words.

    Words may begin with a hash sign: a line is a comment when it says `name = value` before any
    word, or when what stands last in it is no tag.
    """
    comments: dict[str, str] = {}
    words: list[Line] = []
    for number, line in lines:
        comment = None if "\t" in line else _COMMENT.fullmatch(line)
        if comment and not words:
            comments.setdefault(comment[1], comment[2])
        elif not _is_furniture(line):
            words.append((number, line))
    return comments, words


def _is_furniture(line: str) -> bool:
    if line.startswith("#"):
        return not _TAG.fullmatch(_columns(line)[-1])
    return line.startswith(_DOCUMENT_START)


def _columns(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" "))


def _parse_json(comment: str | None) -> Any:
    """The value of a comment; None where it is no JSON, as in other tools' files."""
    try:
        return None if comment is None else json.loads(comment)
    except (ValueError, RecursionError):
        return None


def _read_id(comment: str | None) -> str | None:
    if comment is None:
        return None
    value = _parse_json(comment) if comment.startswith('"') else comment
    return value if isinstance(value, str) else comment


def _own_report(
    report_id: str, text: str, comments: dict[str, str], lines: Sequence[Line]
) -> Report:
    words, tags = [], []
    for number, line in lines:
        columns = line.split("\t")
        try:
            word, start, end, tag = columns[0], int(columns[1]), int(columns[2]), columns[3]
        except (ValueError, IndexError):
            said = f"line {number} is {line!r:.60}, expected word, start, end and tag"
            raise _invalid("unreadable", said) from None
        if start < 0 or text[start:end] != word:
            said = f"line {number} has {word!r:.40} at {start}–{end}, where the text has "
            raise _invalid("bad_span", f"{said}{text[max(0, start) : end]!r:.40}")
        words.append(Word(start, end))
        tags.append(tag)
    spans = _spans_of_tags(words, tags)
    scores = _parse_json(comments.get("scores"))
    if isinstance(scores, list) and len(scores) == len(spans):
        spans = [
            Span(span.start, span.end, span.label, score)
            for span, score in zip(spans, scores, strict=True)
        ]
    fields = _parse_json(comments.get("fields"))
    fields = fields if isinstance(fields, dict) else {}
    check_whole_characters(fields)
    return Report(report_id, text, tuple(spans), fields)


def _foreign_report(report_id: str, lines: Sequence[Line]) -> Report:
    words, tags, parts = [], [], []
    position = 0
    for number, line in lines:
        columns = _columns(line)
        if len(columns) < 2 or not columns[0]:
            said = f"line {number} is {line!r:.60}, expected a word and, last, its tag"
            raise _invalid("unreadable", said)
        words.append(Word(position, position + len(columns[0])))
        tags.append(columns[-1].strip(" "))
        parts.append(columns[0])
        position += len(columns[0]) + 1
    return Report(report_id, " ".join(parts), tuple(_spans_of_tags(words, tags)))


def _spans_of_tags(words: Sequence[Word], tags: Sequence[str]) -> list[Span]:
    try:
        return tags_to_spans(words, to_iob2(tags))
    except ValueError as error:
        raise _invalid("bad_span", str(error)) from None


def _invalid(reason: Reason, message: str) -> InvalidReport:
    return InvalidReport(reason, [message])

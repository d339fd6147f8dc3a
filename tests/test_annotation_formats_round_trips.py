import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.ledger import Ledger
from annotation.report import Report, Span
from annotation.words import find_words

PIECES = [
    "داعش", "وبالرقة", "قُتِلَ", "ســـوريا", "١٢", "12", "جندياً", "🚨", "👨‍👩‍👧", "𐤀", "Reuters",
    " ", "  ", "\n", "\r\n", "\r", "\t", "\u2028", "\u0085", "\x1c", "\x00", "\u200f", "\u202b",
    "\u202c", "\ufeff", "\u00a0", "،", "؟", '"', "\\", "\\n", "#", "# id = ", ",", ";",
    "-DOCSTART-",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=25)
LABELS = st.sampled_from(["ACTOR", "LOCATION", "COUNT", "B-side", "مكان"])
# No floats that are whole: a table gives them back as such, but JSON readers of others may not.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=4)
NAMES = st.sampled_from(
    ["source", "date", "uncertainty", "fields", "score", "label", "مصدر", "data"]
)
SETTINGS = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def spans_between(draw: st.DrawFn, edges: list[int]) -> tuple[Span, ...]:
    """Spans whose edges are among `edges` (sorted, distinct), none overlapping."""
    cuts = sorted(draw(st.lists(st.sampled_from(edges), unique=True))) if len(edges) > 1 else []
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return tuple(
        Span(start, end, draw(LABELS), draw(st.none() | st.floats(0, 1))) for start, end in pairs
    )


@st.composite
def any_reports(draw: st.DrawFn) -> list[Report]:
    reports = []
    for number in range(draw(st.integers(0, 4))):
        text = "".join(draw(TEXTS))
        spans = draw(st.none() | spans_between(list(range(len(text) + 1))))
        report_id = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
        fields = draw(st.dictionaries(NAMES, JSON, max_size=3))
        reports.append(Report(f"{report_id}{number}", text, spans, fields))
    return reports


@st.composite
def reports_of_whole_words(draw: st.DrawFn) -> list[Report]:
    reports = []
    for report in draw(any_reports()):
        words = find_words(report.text)
        spans: list[Span] = []
        position = 0
        while position < len(words):
            length = draw(st.integers(0, 3))
            if length:
                last = min(position + length, len(words)) - 1
                score = draw(st.none() | st.floats(0, 1))
                spans.append(Span(words[position].start, words[last].end, draw(LABELS), score))
            position += max(length, 1)
        reports.append(Report(report.id, report.text, tuple(spans), report.fields))
    return reports


def round_trip(reports: list[Report], path: Path) -> list[Report]:
    ledger = Ledger()
    assert write_reports(reports, path, ledger=ledger) == len(reports)
    assert ledger.repairs == {}
    read = list(read_records([path]))
    assert [type(record) for record in read] == [Report] * len(reports), read
    return [record for record in read if isinstance(record, Report)]


def scores(reports: list[Report]) -> list[list[float | None]]:
    return [[span.score for span in report.spans or ()] for report in reports]


@SETTINGS
@given(reports=any_reports())
@pytest.mark.parametrize("name", ["r.jsonl", "r.parquet"])
def test_everything_comes_back_from_jsonl_and_parquet(
    reports: list[Report], name: str, tmp_path: Path
) -> None:
    read = round_trip(reports, tmp_path / name)
    assert read == reports
    assert scores(read) == scores(reports)


@SETTINGS
@given(reports=any_reports())
def test_reports_come_back_from_label_studio(reports: list[Report], tmp_path: Path) -> None:
    assert round_trip(reports, tmp_path / "r.json") == reports


@SETTINGS
@given(reports=any_reports())
def test_scores_come_back_from_label_studio_predictions(
    reports: list[Report], tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    write_reports(reports, path, "label-studio-predictions")
    read = list(read_records([path], ReadOptions(format="label-studio-predictions")))
    assert read == reports
    assert scores([r for r in read if isinstance(r, Report)]) == scores(reports)


@SETTINGS
@given(reports=reports_of_whole_words())
def test_spans_of_whole_words_come_back_from_conll(reports: list[Report], tmp_path: Path) -> None:
    read = round_trip(reports, tmp_path / "r.conll")
    assert read == reports
    assert scores(read) == scores(reports)


@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".xz"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".conll", ".parquet"])
def test_packed_files_come_back(suffix: str, packing: str, tmp_path: Path) -> None:
    text = "قصف على الرقة 🚨"
    reports = [Report(str(n), text * n, (Span(8, 13, "LOCATION"),)) for n in range(1, 40)]
    path = tmp_path / f"r{suffix}{packing}"
    assert round_trip(reports, path) == reports
    beginning = path.read_bytes()[:4]
    magic = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".xz": b"\xfd7zX"}
    assert beginning.startswith(magic.get(packing, b""))


@pytest.mark.parametrize("packing", [".gz", ".zst", ".xz"])
def test_a_packed_file_that_was_cut_short_is_told_and_the_next_file_read(
    packing: str, tmp_path: Path
) -> None:
    reports = [Report(f"{n}", hashlib.sha256(b"%d" % n).hexdigest()) for n in range(20_000)]
    cut, whole = tmp_path / f"cut.jsonl{packing}", tmp_path / "whole.jsonl"
    write_reports(reports, cut)
    packed = cut.read_bytes()
    cut.write_bytes(packed[: len(packed) // 2])
    write_reports([Report("last", "نص")], whole)
    with Ledger() as ledger:
        read = list(ledger.sort(read_records([cut, whole])))
    assert read[-1].id == "last"
    assert read[:-1] == reports[: len(read) - 1]
    assert 0 < len(read) < 20_000
    assert ledger.rejections["unreadable"] == 1

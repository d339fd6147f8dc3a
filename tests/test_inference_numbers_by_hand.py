"""Numbers in real sentences, against values that were set by hand before they were read.

`number_contexts.tsv`: 400 spans of the bundled corpus, drawn so that bounds, ranges, vague
quantities and duals are many. `number_sample.tsv`: 300 drawn from all of them alike.
`number_real_dev.tsv`: the spans of real reports that may not be brought along (offsets and values
alone). `-` stands for nothing, `?` for what the text leaves open.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.report import Report, Span
from inference.numbers import Count, read_count

HERE = Path(__file__).parent
REAL = HOME.parent / "shared" / "reports" / "real-dev.jsonl"
COLUMNS = ("value", "minimum", "maximum", "bound")


@pytest.fixture(scope="module")
def corpus() -> dict[str, Report]:
    return {report.id: report for report in Ledger().sort(read_records([HOME / CORPUS]))}


def expected(name: str) -> list[dict[str, str]]:
    header, *rows = (HERE / name).read_text("utf-8").splitlines()
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]


def counted(reports: Mapping[str, Report], row: dict[str, str]) -> Count:
    report = reports[row["report"]]
    assert report.spans is not None
    span = Span(int(row["start"]), int(row["end"]), "COUNT")
    assert span in report.spans, "the corpus has changed: the span is gone"
    return read_count(report.text, span, report.spans)


def wrong(reports: Mapping[str, Report], name: str) -> dict[str, list[str]]:
    """What was read otherwise than by hand: the rows of wrong figures, nouns and kinds."""
    found: dict[str, list[str]] = {"figures": [], "counted": [], "what": []}
    for row in expected(name):
        count = counted(reports, row)
        place = f"{row['report']} {row['start']}–{row['end']}: "
        read = {key: str(getattr(count, key) or "-") for key in (*COLUMNS, "counted", "what")}
        if any(read[column] != row[column] for column in COLUMNS):
            found["figures"].append(place + (count.reason or str([read[c] for c in COLUMNS])))
        for key in ("counted", "what"):
            if count.reason is None and row.get(key, "?") not in ("?", read[key]):
                found[key].append(f"{place}{read[key]}, not {row[key]}")
    return found


def test_400_contexts_are_read_as_by_hand(corpus: dict[str, Report]) -> None:
    rows = expected("number_contexts.tsv")
    assert len(rows) == 400
    assert Counter(row["bound"] for row in rows) == {
        "exact": 234,
        "vague": 52,
        "at_least": 38,
        "about": 37,
        "range": 31,
        "at_most": 8,
    }
    found = wrong(corpus, "number_contexts.tsv")
    assert found["figures"] == []
    assert found["counted"] == []
    assert len(found["what"]) <= 8, found["what"]


def test_at_least_98_in_a_hundred_of_a_sample_are_right(corpus: dict[str, Report]) -> None:
    assert len(expected("number_sample.tsv")) == 300
    found = wrong(corpus, "number_sample.tsv")
    assert len(found["figures"]) <= 6, found["figures"]
    assert len(found["counted"]) <= 6, found["counted"]
    assert len(found["what"]) <= 12, found["what"]


def test_every_span_of_the_corpus_has_a_value_or_a_reason(corpus: dict[str, Report]) -> None:
    reasons: Counter[str] = Counter()
    total = 0
    for report in corpus.values():
        assert report.spans is not None
        for span in report.spans:
            if span.label != "COUNT":
                continue
            total += 1
            count = read_count(report.text, span, report.spans)
            if count.reason is not None:
                assert count == Count(reason=count.reason)
                reasons[count.reason] += 1
                continue
            assert count.bound is not None
            assert count.what is not None
            if count.bound in ("range", "vague"):
                assert count.value is None
                assert count.minimum is not None
                assert count.maximum is not None
                assert count.minimum < count.maximum
            else:
                assert count.value is not None
    assert total == 7_838
    assert reasons == {
        "may be a dual or a plural": 14,
        "no number and no dual": 1,
        "a range whose other end is not found": 1,
    }


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/reports/real-dev.jsonl")
def test_real_reports_are_read_as_by_hand() -> None:
    reports = {report.id: report for report in Ledger().sort(read_records([REAL]))}
    assert len(expected("number_real_dev.tsv")) == 67
    found = wrong(reports, "number_real_dev.tsv")
    # A dual that may as well be a plural has no value.
    assert [line.partition(": ")[2] for line in found["figures"]] == ["may be a dual or a plural"]
    assert len(found["what"]) <= 2, found["what"]

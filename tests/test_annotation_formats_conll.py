from pathlib import Path

import pytest

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection
from annotation.report import Report, Span


def read_blocks(tmp_path: Path, content: str, *, with_spans: bool = True) -> list[Record]:
    path = tmp_path / "in.conll"
    path.write_bytes(content.encode())
    return list(read_records([path], ReadOptions(with_spans=with_spans)))


def test_a_report_is_written_with_its_text_and_a_word_a_line(tmp_path: Path) -> None:
    path = tmp_path / "out.conll"
    text = "قُتل 12 جندياً\nفي «دير الزور»."
    spans = (Span(5, 14, "COUNT", 0.5), Span(19, 28, "LOCATION", 0.75))
    report = Report("ر 1", text, spans, {"uncertainty": 0.5})
    assert write_reports([report, Report("\n", "…", ())], path) == 2
    assert path.read_bytes().decode().split("\n") == [
        "# id = ر 1",
        '# text = "قُتل 12 جندياً\\nفي «دير الزور»."',
        '# fields = {"uncertainty": 0.5}',
        "# scores = [0.5, 0.75]",
        "قُتل\t0\t4\tO",
        "12\t5\t7\tB-COUNT",
        "جندياً\t8\t14\tI-COUNT",
        "في\t15\t17\tO",
        "دير\t19\t22\tB-LOCATION",
        "الزور\t23\t28\tI-LOCATION",
        "",
        '# id = "\\n"',
        '# text = "…"',
        "",
        "",
    ]
    assert list(read_records([path])) == [report, Report("\n", "…", ())]


def test_spans_that_tags_cannot_say_are_told(tmp_path: Path) -> None:
    path = tmp_path / "out.conll"
    spans = (
        Span(1, 4, "A", 0.1),  # inside the first word
        Span(4, 5, "B", 0.2),  # a blank
        Span(5, 7, "C", 0.3),
        Span(7, 8, "D", 0.4),  # of the word that C has
    )
    ledger = Ledger()
    assert write_reports([Report("x", "abcd efg", spans)], path, ledger=ledger) == 1
    assert ledger.repairs == {"spans moved to word edges": 2, "spans without a word": 2}
    summary = "\n".join(ledger.summary())
    assert "A 1–4 became 0–4" in summary and "C 5–7 became 5–8" in summary
    assert "B 4–5 has no word" in summary and "D 7–8 has no word" in summary
    (read,) = read_records([path])
    assert isinstance(read, Report)
    assert read.spans == (Span(0, 4, "A"), Span(5, 8, "C"))
    assert read.spans is not None
    assert [span.score for span in read.spans] == [0.1, 0.3]


def test_words_and_tags_of_others_become_sentences(tmp_path: Path) -> None:
    content = (
        "-DOCSTART- O\n"
        "\n"
        "قوات B-ORG\n"
        "سوريا I-ORG\n"
        "الديمقراطية, I-ORG\n"
        "# O\n"
        "#الرقة B-LOC\n"
        "\r\n"
        "# sent_id = 3\n"
        "U.N.\tNNP\tI-NP\tI-ORG\n"
        "of ficial\tNN\tI-NP\tO\n"
        "Ekeus\tNNP\tI-NP\tS-PER\n"
        "a\tX\tX\tB-PER\n"
        "b\tX\tX\tL-PER\n"
    )
    one, two = read_blocks(tmp_path, content)
    name = tmp_path / "in.conll"
    assert one == Report(
        f"{name}:3",
        "قوات سوريا الديمقراطية, # #الرقة",
        (Span(0, 23, "ORG"), Span(26, 32, "LOC")),
    )
    assert two == Report(
        f"{name}:9",
        "U.N. of ficial Ekeus a b",
        (Span(0, 4, "ORG"), Span(15, 20, "PER"), Span(21, 24, "PER")),
    )


@pytest.mark.parametrize(
    ("block", "reason", "said"),
    [
        ("قوات", "unreadable", "line 4 is 'قوات', expected a word and, last, its tag"),
        ("قوات\tX-ORG", "bad_span", "tag 'X-ORG'"),
        ("\tO", "unreadable", "expected a word"),
        ('# text = "ab"\nab\t0\t2', "unreadable", "line 5 is 'ab\\t0\\t2', expected word, start"),
        (
            '# text = "ab"\nab\t1\t3\tO',
            "bad_span",
            "line 5 has 'ab' at 1–3, where the text has 'b'",
        ),
        ('# text = "\\ud800"\n', "lone_surrogate", "U+D800 at 0"),
    ],
)
def test_a_broken_block_costs_that_block_alone(
    block: str, reason: str, said: str, tmp_path: Path
) -> None:
    before, rejection, after = read_blocks(tmp_path, f"a O\nb O\n\n{block}\n\nc O\n")
    assert isinstance(before, Report) and isinstance(after, Report)
    assert (before.text, after.text) == ("a b", "c")
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.line) == (reason, 4)
    assert said in rejection.message


def test_a_line_that_is_not_utf8_costs_its_block(tmp_path: Path) -> None:
    path = tmp_path / "in.bio"
    path.write_bytes(b"a O\n\n" + "قوات B-ORG".encode("windows-1256") + b"\n\nc O\n")
    before, rejection, after = read_records([path])
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.line) == ("not_utf8", 3)
    assert rejection.message.endswith("--encoding windows-1256")
    assert [r.text for r in (before, after) if isinstance(r, Report)] == ["a", "c"]


def test_tags_are_left_out_where_spans_are_not_asked_for(tmp_path: Path) -> None:
    (report,) = read_blocks(tmp_path, "a B-X\n", with_spans=False)
    assert isinstance(report, Report)
    assert report.spans is None

import json
from pathlib import Path

import pytest
from tiny import invent_reports, join_reports

from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import Counts
from inference.model_folder import load_folder_tokenizer
from inference.pieces import read_pieces
from training.__main__ import main
from training.evaluate import evaluate
from training.evaluation.slices import (
    SLICES,
    digits_or_words,
    load_slices,
    position_slice,
    report_length,
    seen_slice,
    slice_tables,
    span_length,
)

TEXT = "أعلنت وزارة الصحة مقتل 12 مدنيا وجرح ثلاثة في حي الزيتون"
ACTOR = Span(6, 17, "ACTOR")
DIGITS = Span(23, 25, "COUNT")
WORD = Span(37, 42, "COUNT")
PLACE = Span(46, 56, "LOCATION")
REPORT = Report("a", TEXT, (ACTOR, DIGITS, WORD, PLACE), {"source": "radio"})


def spelled(report: Report, span: Span) -> str:
    return report.text[span.start : span.end]


def test_the_spans_of_these_tests_cover_what_they_should() -> None:
    assert [spelled(REPORT, span) for span in REPORT.spans or ()] == [
        "وزارة الصحة",
        "12",
        "ثلاثة",
        "حي الزيتون",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", "digits"),
        ("٤٥", "digits"),
        ("نحو ۷ أشخاص", "digits"),
        ("½", "digits"),
        ("ثلاثة عشر", "words"),
    ],
)
def test_digits_of_any_script_are_digits(text: str, expected: str) -> None:
    span = Span(4, 4 + len(text), "COUNT")
    assert digits_or_words(Report("a", f"قال {text} 9"), span) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (0, "0–100 words"),
        (1, "0–100 words"),
        (100, "0–100 words"),
        (101, "101–300 words"),
        (300, "101–300 words"),
        (301, "301–1000 words"),
        (1000, "301–1000 words"),
        (1001, "over 1000 words"),
    ],
)
def test_reports_are_grouped_by_their_words(words: int, expected: str) -> None:
    assert report_length(Report("a", "كلمة " * words), Span(0, 1, "COUNT")) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [(1, "1 word"), (2, "2 words"), (3, "3 words"), (4, "4 words or more"), (9, "4 words or more")],
)
def test_spans_are_grouped_by_their_words(words: int, expected: str) -> None:
    text = " ".join(["كلمة"] * words)
    assert span_length(Report("a", f"{text}، نهاية"), Span(0, len(text), "ACTOR")) == expected


def test_a_source_is_a_group_and_so_is_none() -> None:
    assert SLICES["source"](REPORT, ACTOR) == "radio"
    assert SLICES["source"](Report("b", TEXT), ACTOR) == "(no source)"


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("وزارة الصحة", "ACTOR", "seen"),
        ("وزارة الصحّة", "ACTOR", "seen"),  # with tashkeel
        ("وزارة الصحـــة", "ACTOR", "seen"),  # with tatweel
        ("لوزارة الصحة", "ACTOR", "seen"),  # with a proclitic
        ("بالزيتون", "LOCATION", "seen"),
        ("الزيتون", "LOCATION", "seen"),
        ("وزارة الدفاع", "ACTOR", "unseen"),
        ("وزارة", "ACTOR", "unseen"),
        ("وزارة الصحة", "LOCATION", "unseen"),  # seen as something else
        ("،", "ACTOR", None),  # no word
    ],
)
def test_a_name_is_seen_if_training_has_it_with_its_label(
    text: str, label: str, expected: str | None
) -> None:
    training = [REPORT, Report("b", "نزحوا من الزيتون أمس", (Span(9, 16, "LOCATION"),))]
    seen = seen_slice(training)
    assert seen(Report("c", f"قالت {text}."), Span(5, 5 + len(text), label)) == expected


def test_a_span_lies_beyond_512_pieces_by_the_models_own_tokenizer(tiny_model: Path) -> None:
    long = join_reports(invent_reports(60), "long")
    short = join_reports(invent_reports(3), "short")
    tokenizer = load_folder_tokenizer(tiny_model)
    [reading] = read_pieces(tokenizer, [long.text])
    border = int(reading.offsets[512, 0])
    assert 0 < border < len(long.text)
    position = position_slice(tokenizer, [long, short])
    for span in long.spans or ():
        expected = "beyond 512 pieces" if span.start >= border else "first 512 pieces"
        assert position(long, span) == expected
    assert position(long, Span(border, border + 1, "ACTOR")) == "beyond 512 pieces"
    assert position(long, Span(border - 1, border, "ACTOR")) == "first 512 pieces"
    assert {position(short, span) for span in short.spans or ()} == {"first 512 pieces"}


def test_groups_are_counted_by_hand() -> None:
    wrong = Span(26, 31, "COUNT")  # مدنيا
    tables = slice_tables("kind", digits_or_words, [(REPORT, (DIGITS, wrong, ACTOR))], ["COUNT"])
    assert {key: table.scores.labels for key, table in tables.items()} == {
        "digits": {"COUNT": Counts(1, 1, 1)},
        "words": {"COUNT": Counts(0, 1, 1), "ACTOR": Counts(1, 1, 1), "LOCATION": Counts(0, 0, 1)},
    }


def test_a_span_without_a_group_is_in_none() -> None:
    tables = slice_tables(
        "place", lambda report, span: "here" if span == PLACE else None, [(REPORT, (ACTOR,))], []
    )
    assert {key: table.scores.micro for key, table in tables.items()} == {"here": Counts(0, 0, 1)}


def test_groups_add_up_to_the_whole() -> None:
    gold = invent_reports(30)
    found = {report.id: (report.spans or ())[: n % 4] for n, report in enumerate(gold)}
    evaluation = evaluate(gold, found, training=gold[:5])
    told = evaluation.to_json()
    assert set(told["slices"]) == {*SLICES, "seen"}
    assert told["slices_left_out"] == {"position": "needs the model's tokenizer: --model"}
    for name, groups in told["slices"].items():
        for key in ("matched", "predicted", "support"):
            total = sum(group["micro"][key] for group in groups.values())
            assert total == told["micro"][key], (name, key)
    sources = told["slices"]["source"]
    assert list(sources) == ["s0", "s1", "s2", "s3"]
    assert sum(group["reports"] for group in sources.values()) == 30
    low, high = sources["s1"]["micro"]["interval"]
    assert low < sources["s1"]["micro"]["f1"] < high
    assert sources["s1"]["labels"]["ACTOR"]["support"] > 0


def test_a_group_of_one_report_has_no_interval() -> None:
    gold = [REPORT, Report("b", TEXT, (ACTOR, DIGITS), {"source": "paper"})]
    found = {"a": (ACTOR, WORD), "b": (ACTOR,)}
    groups = evaluate(gold, found, slices={"id": lambda report, span: report.id}).slices["id"]
    assert [groups[key].micro_interval for key in ("a", "b")] == [None, None]
    assert groups["a"].scores.micro == Counts(2, 2, 4)


def test_slices_are_told_the_worst_group_first() -> None:
    gold = [Report(f"r{n}", TEXT, (ACTOR, WORD)) for n in range(9)]
    found = {f"r{n}": (ACTOR,) if n == 4 else (ACTOR, WORD) for n in range(8)}

    def of_report(report: Report, span: Span) -> str:
        return report.id

    told = evaluate(gold, found, slices={"one_group": lambda r, s: "all", "id": of_report})
    [line] = [line for line in told.remarks() if line.startswith("F1 by ")]
    assert line == (
        "F1 by id: r8 0.0000 (2); r4 0.6667 (2); r0 1.0000 (2); r1 1.0000 (2); r2 1.0000 (2); "
        "r3 1.0000 (2); 3 better ones"
    )


# One's own


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with slices of the user's own in `mine_<random>.py`."""
    (tmp_path / "mine_slices.py").write_text(
        "month = lambda report, span: report.fields['date'][:7]\nnumber = 3\n", "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_slice_of_ones_own_is_a_line_and_an_option(
    mine: Path, capsys: pytest.CaptureFixture
) -> None:
    write_reports(invent_reports(4), mine / "gold.jsonl")
    arguments = ["--predictions", "gold.jsonl", "--gold", "gold.jsonl", "--output", "out"]
    assert main(["evaluate", *arguments, "--slice", "mine_slices:month"]) == 0
    told = json.loads((mine / "out" / "evaluation.json").read_text("utf-8"))
    assert list(told["slices"]["month"]) == ["2031-01"]
    assert told["slices"]["month"]["2031-01"]["micro"]["support"] == told["micro"]["support"]


def test_a_slice_that_fails_names_the_span(mine: Path, capsys: pytest.CaptureFixture) -> None:
    write_reports([REPORT], mine / "gold.jsonl")
    arguments = ["--predictions", "gold.jsonl", "--gold", "gold.jsonl", "--output", "out"]
    assert main(["evaluate", *arguments, "--slice", "mine_slices:month"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "slice month: failed on a, ACTOR 6–17: KeyError: 'date'"
    assert not (mine / "out").exists()


def test_all_slices_that_cannot_be_had_are_told_at_once(mine: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_slices(
            ["mine_slices", "nowhere_at_all:month", "mine_slices:week", "mine_slices:number"]
        )
    lines = str(raised.value).splitlines()
    assert lines == [
        "--slice mine_slices: ValueError: expected MODULE:FUNCTION",
        "--slice nowhere_at_all:month: ModuleNotFoundError: No module named 'nowhere_at_all'",
        "--slice mine_slices:week: AttributeError: module 'mine_slices' has no attribute 'week'",
        "--slice mine_slices:number: TypeError: number is a int, expected a function",
    ]

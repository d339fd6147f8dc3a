import logging
from typing import Any

import pytest
import torch
from tiny import TAGS, WINDOW, invent_reports, join_reports

from annotation.report import Report, Span
from inference.pieces import read_pieces
from training.examples import IGNORED, build_examples


def labelled(row: dict[str, Any]) -> list[tuple[int, str]]:
    """The (piece id, tag) pairs of a row that the loss looks at."""
    pairs = zip(row["input_ids"], row["labels"], strict=True)
    return [(piece, TAGS[tag]) for piece, tag in pairs if tag != IGNORED]


def test_a_label_stands_on_the_first_piece_of_each_word_alone(tiny_tokenizer: Any) -> None:
    text = "قصفت قوات السد الأخضر تل الورد، فجرح ٤٥ أشخاص."
    spans = (Span(5, 21, "ACTOR"), Span(22, 30, "LOCATION"), Span(37, 39, "COUNT"))
    assert [text[s.start : s.end] for s in spans] == ["قوات السد الأخضر", "تل الورد", "٤٥"]
    [row] = build_examples([Report("r", text, spans)], tiny_tokenizer, TAGS, WINDOW)
    [reading] = read_pieces(tiny_tokenizer, [text])
    pieces = tiny_tokenizer.convert_ids_to_tokens(row["input_ids"])
    assert (pieces[0], pieces[-1]) == ("[CLS]", "[SEP]")
    assert row["input_ids"][1:-1] == reading.ids.tolist()
    assert row["length"] == len(row["input_ids"]) == len(row["labels"])
    starts = {word.start for word in reading.words}
    by_piece = dict(zip(range(len(reading.ids)), row["labels"][1:-1], strict=True))
    for piece, (start, end) in enumerate(reading.offsets.tolist()):
        assert (by_piece[piece] != IGNORED) == (start in starts and end > start), pieces[piece + 1]
    assert (row["labels"][0], row["labels"][-1]) == (IGNORED, IGNORED)
    assert [tag for _, tag in labelled(row)] == [
        "O",
        "B-ACTOR",
        "I-ACTOR",
        "I-ACTOR",
        "B-LOCATION",
        "I-LOCATION",
        "O",
        "B-COUNT",
        "O",
    ]
    assert len(reading.ids) > len(reading.words) + 2, "the text must have words of several pieces"


def test_every_word_is_labelled_in_exactly_one_window(tiny_tokenizer: Any) -> None:
    report = join_reports(invent_reports(20))
    [reading] = read_pieces(tiny_tokenizer, [report.text])
    rows = build_examples([report], tiny_tokenizer, TAGS, WINDOW)
    assert len(rows) > 10
    assert max(rows["length"]) <= WINDOW
    [whole] = build_examples([report], tiny_tokenizer, TAGS, len(reading.ids) + 2)
    together = [pair for row in rows for pair in labelled(row)]
    assert together == labelled(whole)
    assert len(together) == len(reading.words)
    assert sum(tag.startswith("B-") for _, tag in together) == len(report.spans or ())


def test_windows_stand_in_the_order_of_the_reports(tiny_tokenizer: Any) -> None:
    reports = invent_reports(7)
    rows = build_examples(reports, tiny_tokenizer, TAGS, 512)
    readings = read_pieces(tiny_tokenizer, [report.text for report in reports])
    assert [row["input_ids"][1:-1] for row in rows] == [r.ids.tolist() for r in readings]
    assert rows.column_names == ["input_ids", "labels", "length"]


def test_reports_without_words_give_no_label(tiny_tokenizer: Any) -> None:
    reports = [Report("empty", "", ()), Report("blank", " \n", ()), Report("emoji", "🚨🚨", ())]
    rows = build_examples(reports, tiny_tokenizer, TAGS, WINDOW)
    assert [label for row in rows for label in row["labels"] if label != IGNORED] == []


def test_spans_that_tags_cannot_say_are_named_without_their_text(
    tiny_tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    text = "سرّ الوادي، ثم سرّ الجبل."
    cut = [Report(f"cut-{n}", text, (Span(5, 8, "LOCATION"),)) for n in range(7)]
    comma = Report("comma", text, (Span(10, 11, "COUNT"),))
    one_word_twice = Report("twice", text, (Span(4, 6, "ACTOR"), Span(6, 10, "LOCATION")))
    fine = Report("fine", text, (Span(4, 10, "LOCATION"),))
    with caplog.at_level(logging.INFO):
        rows = build_examples([*cut, comma, one_word_twice, fine], tiny_tokenizer, TAGS, WINDOW)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    moved, lost = caplog.messages
    assert moved.startswith("spans moved to word edges: 8 (cut-0 5–8 to 4–10; cut-1 ")
    assert "cut-4" in moved
    assert "cut-5" not in moved, "five examples are enough"
    assert lost == "spans lost: no word to tag: 2 (comma COUNT 10–11; twice LOCATION 6–10)"
    assert not any(word in caplog.text for word in ("سر", "الوادي", "الجبل", "واد"))
    tags = [[tag for _, tag in labelled(row)] for row in rows]
    assert tags[0] == ["O", "B-LOCATION", "O", "O", "O"], "a cut word is learned whole"
    assert tags[7] == ["O"] * 5
    assert tags[8] == ["O", "B-ACTOR", "O", "O", "O"]
    assert tags[9] == tags[0]


def test_labels_are_numbers_of_the_tags_as_given(tiny_tokenizer: Any) -> None:
    report = Report("r", "في تل الورد", (Span(3, 11, "LOCATION"),))
    tags = ["I-LOCATION", "O", "B-LOCATION"]
    [row] = build_examples([report], tiny_tokenizer, tags, WINDOW)
    assert [label for label in row["labels"] if label != IGNORED] == [1, 2, 0]
    assert torch.tensor(row["labels"]).dtype == torch.int64

from dataclasses import FrozenInstanceError

import pytest

from annotation.report import InvalidReport, Report, Span

TEXT = "تل الورد"


def test_spans_are_kept_sorted_and_none_is_not_empty() -> None:
    report = Report("r", TEXT, (Span(3, 8, "B"), Span(0, 2, "A")))
    assert report.spans == (Span(0, 2, "A"), Span(3, 8, "B"))
    assert Report("r", TEXT).spans is None
    assert Report("r", TEXT, ()).spans == ()


def test_spans_are_equal_when_start_end_and_label_are() -> None:
    assert Span(0, 2, "A") == Span(0, 2, "A", score=0.5, fields={"id": "x"})
    assert len({Span(0, 2, "A"), Span(0, 2, "A", 0.1), Span(0, 2, "B"), Span(0, 3, "A")}) == 3


@pytest.mark.parametrize(
    ("spans", "problems"),
    [
        ([(0, 9)], ["span A 0–9 is outside the text of 8 characters"]),
        ([(-1, 2)], ["span A -1–2 is outside the text of 8 characters"]),
        ([(3, 3)], ["span A 3–3 is empty"]),
        ([(5, 3)], ["span A 5–3 is reversed"]),
        ([(0, 4), (3, 8)], ["span A 3–8 overlaps A 0–4"]),
        ([(0, 8), (1, 2), (4, 5)], ["span A 1–2 overlaps A 0–8", "span A 4–5 overlaps A 0–8"]),
        ([(0, 2), (0, 2)], ["span A 0–2 overlaps A 0–2"]),
        (
            [(5, 3), (7, 20)],
            ["span A 5–3 is reversed", "span A 7–20 is outside the text of 8 characters"],
        ),
    ],
)
def test_every_problem_of_the_spans_is_told(
    spans: list[tuple[int, int]], problems: list[str]
) -> None:
    with pytest.raises(InvalidReport) as raised:
        Report("r", TEXT, tuple(Span(*span, "A") for span in spans))
    assert raised.value.reason == "bad_span"
    assert list(raised.value.problems) == problems


def test_spans_that_touch_do_not_overlap() -> None:
    assert len(Report("r", TEXT, (Span(0, 3, "A"), Span(3, 8, "A"))).spans or ()) == 2


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        (None, "no_text", "text is nothing, expected a string"),
        (5, "no_text", "text is int 5, expected a string"),
        (["نص"], "no_text", "text is list ['نص'], expected a string"),
        ("نص\ud83d", "lone_surrogate", "text has the lone surrogate U+D83D at 2, half of"),
    ],
)
def test_a_text_that_is_none_is_told(text: object, reason: str, told: str) -> None:
    with pytest.raises(InvalidReport) as raised:
        Report("r", text)  # type: ignore[arg-type]
    assert raised.value.reason == reason
    assert str(raised.value).startswith(told)


def test_nothing_of_a_report_can_be_changed() -> None:
    report = Report("r", TEXT, (Span(0, 2, "A"),))
    with pytest.raises(FrozenInstanceError):
        report.text = ""  # type: ignore[misc]

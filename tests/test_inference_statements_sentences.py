"""Sentences written for this test, each with the rows that a reader would write by hand."""

from functools import cache
from pathlib import Path

import pytest
from marked import report

from annotation.report import Report
from inference.actors import Actor, load_actors
from inference.facts import FactReader
from inference.places import Gazetteer, load_gazetteer
from inference.statements import Statement, StatementReader, Tie

SENTENCES = Path(__file__).with_name("statement_sentences.txt")
EVENTS = Path(__file__).with_name("statement_events.txt")


def cases(file: Path) -> list[tuple[str, list[str]]]:
    """The sentences, and their rows as they are written in the file."""
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    blocks = [block.splitlines() for block in "\n".join(lines).strip().split("\n\n")]
    return [(block[0], block[1:]) for block in blocks]


@cache
def known_actors() -> tuple[Actor, ...]:
    return tuple(load_actors())


@cache
def known_places() -> Gazetteer:
    return load_gazetteer()


def with_facts(one: Report) -> Report:
    reader = FactReader(known_actors(), known_places())
    reader.learn(one)
    return reader.read(one)


def written(statement: Statement, text: str) -> str:
    """A row as the file has it."""

    def tie(told: Tie | None) -> str:
        if told is None:
            return "-"
        if told.rule == "counted":
            return "counted"
        names = "+".join(text[party.span.start : party.span.end] for party in told.parties)
        return f"{names} {told.rule}{'?' if told.guessed else ''}"

    fields = statement.figures
    number = fields.get("value")
    if statement.event is not None:
        number = statement.event.text
    elif number is None:
        low, high = fields["minimum"], fields["maximum"]
        number = "-" if low is None else f"{low}-{high}"
    ties = [tie(statement.who), tie(statement.whom), tie(statement.where)]
    return "; ".join([f"{number} {fields['what']}", *ties])


CASES = cases(SENTENCES) + cases(EVENTS)


def test_there_are_at_least_eighty_sentences() -> None:
    assert len({marked for marked, _ in CASES}) >= 80


@pytest.mark.parametrize(("marked", "rows"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_a_sentence_is_read_as_by_hand(marked: str, rows: list[str]) -> None:
    read = with_facts(report(marked))
    statements = StatementReader().read(read)
    assert [written(one, read.text) for one in statements] == rows

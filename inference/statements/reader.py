"""Reads the statements of a report: its numbers, its events, and what the text ties to them."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from annotation.report import Report, Span
from inference.statements.agents import find_agent
from inference.statements.days import day_of, find_days, parse_day
from inference.statements.events import find_events
from inference.statements.items import Item, sentence_items
from inference.statements.parts import Whole, find_whole
from inference.statements.patients import acting_members, find_patient
from inference.statements.scene import Chain, Scene
from inference.statements.sentences import Sentence, find_sentences
from inference.statements.settings import (
    find_setting,
    heading_of,
    is_blank,
    is_dateline,
    is_guessable,
    is_heading_line,
)
from inference.statements.statement import Day, Event, Party, Rule, Statement, Tie

_RANGE_GAP = 12
"""Characters between the two spans of a range: `و`, إلى, a dash, a noun."""


@dataclass(slots=True)
class _Setting:
    """Where what was read so far took place."""

    heading: Chain | None = None
    heading_items: Sequence[Item] = ()
    heading_line: int = -1
    """The line of the heading; -1 for one that stands alone above its lines."""
    is_dateline: bool = False
    is_headed: bool = False
    """Whether nothing but the heading that stands alone was read since it was met."""
    last_line: int = -1
    previous: Tie | None = None
    previous_within: tuple[Party, ...] = ()
    previous_line: int = -1
    wholes: list[Statement] = field(default_factory=list)
    """The statements of this sentence and the one before."""


class StatementReader:
    """Reads reports whose spans have the fields of `facts`."""

    def read(self, report: Report) -> list[Statement]:
        """A statement for each COUNT of the report and each event told without one, in order.

        The two ends of a range share a statement.

        Takes time in proportion to the text and its spans.
        """
        if not any(span.label in ("COUNT", "ACTOR") for span in report.spans or ()):
            return []
        day = parse_day(report.fields.get("date"))
        statements: list[Statement] = []
        setting = _Setting()
        for sentence, spans in _with_spans(report):
            items = sentence_items(report.text, sentence, spans)
            scene = Scene(items)
            if is_blank(scene):
                continue
            statements += self._read_sentence(report, sentence, scene, setting, day)
        return statements

    def _read_sentence(
        self,
        report: Report,
        sentence: Sentence,
        scene: Scene,
        setting: _Setting,
        report_day: datetime.date | None,
    ) -> list[Statement]:
        _take_heading(scene, sentence, setting)
        calendar = _Calendar(report.text, scene, report_day)
        bare = Statement(
            report=report.id,
            source=source if isinstance(source := report.fields.get("source"), str) else None,
            report_day=report_day,
            sentence=report.text[sentence.start : sentence.end],
            start=sentence.start,
            end=sentence.end,
            counts=(),
            count_text="",
        )
        numbers = _numbers(scene)
        read = self._read_numbers(bare, sentence, scene, numbers, setting, calendar)
        told = self._read_events(bare, sentence, scene, numbers, read, setting, calendar)
        _remember_place(scene, sentence, setting, read)
        setting.wholes = read
        return sorted(read + told, key=lambda statement: statement.at) if told else read

    def _read_numbers(
        self,
        bare: Statement,
        sentence: Sentence,
        scene: Scene,
        numbers: Sequence[tuple[int, int | None]],
        setting: _Setting,
        calendar: "_Calendar",
    ) -> list[Statement]:
        before = setting.wholes if setting.previous_line == sentence.line else []
        read: list[Statement] = []
        placed: list[tuple[int, Statement]] = []
        for at, other_end in numbers:
            # What belongs to a range stands behind its second end.
            last = at if other_end is None else other_end
            ends = (at, last)
            statement = self._read_number(bare, sentence, scene, ends, setting)
            if other_end is not None:
                other = scene.items[other_end].span
                assert other is not None
                statement = replace(statement, counts=(*statement.counts, other))
            statement = replace(statement, day=calendar.day_of(at))
            whole = find_whole(scene, at, placed, before)
            if whole is not None:
                statement = _as_part(statement, whole, read)
            read.append(statement)
            placed.append((at, read[-1]))
        return read

    def _read_events(
        self,
        bare: Statement,
        sentence: Sentence,
        scene: Scene,
        numbers: Sequence[tuple[int, int | None]],
        read: Sequence[Statement],
        setting: _Setting,
        calendar: "_Calendar",
    ) -> list[Statement]:
        """What the sentence tells without a number, beside the statements `read` of its numbers."""
        governed = (scene.governor(at) for at, _ in numbers)
        governors = {at for at in governed if at is not None}
        ties = [tie for one in read for tie in (one.who, one.whom) if tie is not None]
        starts = {party.span.start for tie in ties for party in tie.parties}
        tied = {at for at, item in enumerate(scene.items) if item.start in starts}
        events = find_events(scene, governors, tied)
        scene.events.update((told.at, told.what) for told in events)
        statements = []
        for told in events:
            item = scene.items[told.at]
            where, within = _place(scene, told.at, told.at, sentence, setting)
            statements.append(
                replace(
                    bare,
                    event=Event(told.what, item.raw, item.start, item.end),
                    who=_tie(scene.items, told.who),
                    whom=_tie(scene.items, told.whom),
                    where=where,
                    within=within,
                    day=calendar.day_of(told.at),
                )
            )
        return statements

    def _read_number(
        self,
        bare: Statement,
        sentence: Sentence,
        scene: Scene,
        ends: tuple[int, int],
        setting: _Setting,
    ) -> Statement:
        first, at = ends
        span = scene.items[first].span
        assert span is not None
        governor = scene.governor(first)
        agent = find_agent(scene, at, governor)
        agents = agent[0] if agent else ()
        patient = find_patient(scene, at, governor, agents)
        if patient and set(agents) & set(patient[0]):
            # Nobody is told to have done it to themselves.
            agent = None
        if agent is None:
            acting = acting_members(scene, at, governor)
            agent = (acting, "member", False) if acting else None
        where, within = _place(scene, at, governor, sentence, setting)
        return replace(
            bare,
            counts=(span,),
            count_text=scene.items[first].raw,
            who=_tie(scene.items, agent),
            whom=_tie(scene.items, patient),
            where=where,
            within=within,
        )


class _Calendar:
    """The dates of a sentence, looked for when the first of them is asked for."""

    def __init__(self, text: str, scene: Scene, report_day: datetime.date | None) -> None:
        self._text, self._scene, self._report_day = text, scene, report_day

    @cached_property
    def _days(self) -> list[tuple[int, Day]]:
        return find_days(self._text, self._scene.items, self._report_day)

    @cached_property
    def _parted(self) -> list[int]:
        return [at for at in range(len(self._scene.items)) if self._scene.is_break(at)]

    def day_of(self, at: int) -> Day | None:
        """When that happened which the item tells."""
        return day_of(self._days, at, self._parted, self._report_day)


def _with_spans(report: Report) -> Iterator[tuple[Sentence, list[Span]]]:
    """Each sentence with the spans that begin in it."""
    spans = report.spans or ()
    at = 0
    for sentence in find_sentences(report.text, spans):
        inside = []
        while at < len(spans) and spans[at].start < sentence.end:
            if spans[at].start >= sentence.start:
                inside.append(spans[at])
            at += 1
        yield sentence, inside


def _numbers(scene: Scene) -> list[tuple[int, int | None]]:
    """The items of the sentence's numbers, each with that of its range's other end, if any."""
    numbers: list[tuple[int, int | None]] = []
    for at, item in enumerate(scene.items):
        if item.kind != "COUNT":
            continue
        if numbers and numbers[-1][1] is None and _is_other_end(scene, numbers[-1][0], at):
            numbers[-1] = (numbers[-1][0], at)
        else:
            numbers.append((at, None))
    return numbers


def _is_other_end(scene: Scene, low: int, high: int) -> bool:
    first, second = scene.items[low].span, scene.items[high].span
    assert first is not None
    assert second is not None
    keys = ("bound", "minimum", "maximum")
    return (
        first.fields.get("bound") == "range"
        and all(first.fields.get(key) == second.fields.get(key) for key in keys)
        and second.start - first.end <= _RANGE_GAP
    )


def _take_heading(scene: Scene, sentence: Sentence, setting: _Setting) -> None:
    """Keep what the line, or the list that it stands in, begins with."""
    # A blank line ends a list, unless it parts the list from its head.
    new_block = sentence.line > setting.last_line + 1
    if new_block and setting.heading_line == -1 and not setting.is_headed:
        setting.heading = None
    setting.is_headed = False
    if sentence.line != setting.last_line:
        if setting.heading_line not in (-1, sentence.line):
            setting.heading = None
        found = heading_of(scene)
        if is_heading_line(scene):
            setting.heading, setting.heading_items = scene.chains[0], scene.items
            setting.heading_line = -1
            setting.is_headed = True
        elif found is not None:
            setting.heading, setting.heading_items = found, scene.items
            setting.heading_line = sentence.line
            setting.is_dateline = is_dateline(scene, found)
    setting.last_line = sentence.line


def _place(
    scene: Scene, at: int, governor: int | None, sentence: Sentence, setting: _Setting
) -> tuple[Tie | None, tuple[Party, ...]]:
    found = find_setting(scene, at, governor)
    # What a line begins with is surer than a place of another clause.
    headed = setting.heading is not None and setting.heading_line == sentence.line
    if found is not None and not (found[2] and headed and not setting.is_dateline):
        chain, rule, guessed = found
        return _tie(scene.items, (chain.where, rule, guessed)), _parties(scene.items, chain.within)
    if setting.heading is not None and setting.heading_line in (-1, sentence.line):
        chain, items = setting.heading, setting.heading_items
        guessed = setting.heading_line == -1 or setting.is_dateline
        return _tie(items, (chain.where, "heading", guessed)), _parties(items, chain.within)
    goes_on = setting.previous is not None and setting.previous_line == sentence.line
    if goes_on and not scene.chains and is_guessable(scene, at, governor):
        assert setting.previous is not None
        return replace(setting.previous, rule="previous", guessed=True), setting.previous_within
    return None, ()


def _remember_place(
    scene: Scene, sentence: Sentence, setting: _Setting, read: Sequence[Statement]
) -> None:
    """Keep where a sentence took place, for the next one of its line."""
    placed = [one for one in read if one.where is not None]
    if placed:
        setting.previous, setting.previous_within = placed[-1].where, placed[-1].within
    elif len(scene.chains) == 1:
        # Of several places nobody knows which one the next sentence goes on with.
        chain = scene.chains[0]
        setting.previous = _tie(scene.items, (chain.where, "previous", True))
        setting.previous_within = _parties(scene.items, chain.within)
    elif scene.chains or setting.previous_line != sentence.line:
        setting.previous, setting.previous_within = None, ()
    setting.previous_line = sentence.line


def _as_part(statement: Statement, whole: Whole, read: list[Statement]) -> Statement:
    """The statement as a part of another; where the whole follows, the one before is the part."""
    if whole.is_behind:
        earlier = read[-1]
        read[-1] = replace(earlier, part_of=statement.id)
        return statement
    told = whole.statement
    assert told is not None

    def inherited(own: Tie | None, theirs: Tie | None) -> Tie | None:
        if own is not None and not own.guessed:
            return own
        return own if theirs is None else Tie(theirs.parties, "part", theirs.guessed)

    inherits_place = statement.where is None or statement.where.guessed
    return replace(
        statement,
        part_of=told.id,
        who=inherited(statement.who, told.who),
        where=inherited(statement.where, told.where),
        within=told.within if inherits_place and told.where is not None else statement.within,
        day=_own_day(statement.day, told.day),
    )


def _own_day(own: Day | None, told: Day | None) -> Day | None:
    return told if own is None or own.rule == "report" or own.guessed else own


def _tie(items: Sequence[Item], found: tuple[tuple[int, ...], Rule, bool] | None) -> Tie | None:
    if found is None or not found[0]:
        return None
    return Tie(_parties(items, found[0]), found[1], found[2])


def _parties(items: Sequence[Item], places: Sequence[int]) -> tuple[Party, ...]:
    return tuple(_party(items[at]) for at in places)


# A place as it is written: ريف حلب is not حلب, though what is known of it is known of حلب.
_SHOWN = {"ACTOR": ("actor", "name"), "LOCATION": ("name",), "COUNT": ("counted",)}
_IDS = {"ACTOR": ("actor_id", "cluster"), "LOCATION": ("place_id",), "COUNT": ()}


def _party(item: Item) -> Party:
    assert item.span is not None
    fields = item.span.fields
    names = [fields[key] for key in _SHOWN[item.kind] if isinstance(fields.get(key), str)]
    ids = [fields[key] for key in _IDS[item.kind] if isinstance(fields.get(key), str | int)]
    return Party(item.span, names[0] if names else item.raw, str(ids[0]) if ids else None)

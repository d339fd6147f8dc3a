"""Finds the statements that tell the same toll, so that it is not counted twice.

Two statements tell one toll when their figures, the kind of what is counted and the place agree,
their days are at most three apart, and their sentences share words: at least half of the content
words of the one that has fewer. Places agree by their ids and how the spans relate to them (شرق
حلب is not غرب حلب), or by their names where a gazetteer has none. Where a statement has no place
its sentence must be a near-duplicate of the other (annotation/duplicates.py).
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from annotation.duplicates import near_duplicate_groups
from annotation.words import find_words
from inference.names.letters import name_key
from inference.numbers.number_words import find_numeral
from inference.numbers.spelling import fold
from inference.statements.statement import Party, Statement

WINDOW_DAYS = 3
SIMILARITY = 0.5
"""Shared content words, of the sentence that has fewer of them."""
FEWEST_WORDS = 3
"""Content words of a sentence that can be compared."""
_COMPARED = 200
"""Different sentences of a bucket that are compared each with each; more go through MinHash."""
_PREFIXES = ("وال", "بال", "فال", "ال", "لل", "و", "ب", "ل", "ف")

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class TollKey:
    """What of a statement is compared: little enough to be kept for a whole run."""

    report: str
    figures: Key
    place: Key
    """Empty where none is told."""
    day: datetime.date | None
    sentence: str

    @classmethod
    def of(cls, statement: Statement) -> "TollKey | None":
        """None for an event, and for a number that could not be read: nothing is the same."""
        fields = statement.figures
        if fields.get("bound") is None:
            return None
        figures = tuple(fields.get(key) for key in ("what", "value", "minimum", "maximum"))
        place = () if statement.where is None else _place_key(statement.where.parties[0])
        day = None if statement.day is None else statement.day.first
        return cls(statement.report, figures, place, day, statement.sentence)


def _place_key(place: Party) -> Key:
    if place.id is None:
        return (name_key(place.name),)
    return (place.id, place.span.fields.get("relation"))


def number_groups(keys: Sequence[TollKey | None]) -> dict[int, tuple[str, int]]:
    """For each statement (by its number) that is told elsewhere too: group id and its reports.

    Groups are numbered by their first statement. Whoever is like a member is in the group.
    """
    buckets: dict[Key, list[int]] = {}
    for number, key in enumerate(keys):
        if key is not None:
            buckets.setdefault((key.figures, key.place), []).append(number)
    groups: list[list[int]] = []
    for (_, place), members in buckets.items():
        if len(members) > 1:
            groups += _groups_of_bucket(members, keys, bool(place))
    numbered: dict[int, tuple[str, int]] = {}
    for count, group in enumerate(sorted(groups), 1):
        reports = len({key.report for number in group if (key := keys[number]) is not None})
        numbered.update(dict.fromkeys(group, (f"toll-{count}", reports)))
    return numbered


def _groups_of_bucket(
    members: Sequence[int], keys: Sequence[TollKey | None], placed: bool
) -> list[list[int]]:
    """The groups of two or more among statements whose figures and place agree."""
    groups: list[list[int]] = []
    for near in _near_in_time(members, keys):
        sentences = [_sentence(keys, number) for number in near]
        distinct = list(dict.fromkeys(sentences))
        if not placed or len(distinct) > _COMPARED:
            joined = near_duplicate_groups(distinct)
        else:
            joined = _similar(distinct)
        home = {index: group[0] for group in joined for index in group}
        place = {sentence: index for index, sentence in enumerate(distinct)}
        together: dict[int, list[int]] = {}
        for number, sentence in zip(near, sentences, strict=True):
            index = place[sentence]
            together.setdefault(home.get(index, index), []).append(number)
        groups += [group for group in together.values() if len(group) > 1]
    return groups


def _sentence(keys: Sequence[TollKey | None], number: int) -> str:
    key = keys[number]
    assert key is not None
    return key.sentence


def _near_in_time(members: Sequence[int], keys: Sequence[TollKey | None]) -> list[list[int]]:
    """Members whose days follow each other within the window; those without a day by themselves."""
    days = {number: key.day for number in members if (key := keys[number]) is not None}
    undated = [number for number in members if days[number] is None]
    dated = [(day, number) for number, day in days.items() if day is not None]
    runs: list[list[int]] = [undated] if undated else []
    last: datetime.date | None = None
    for day, number in sorted(dated):
        if last is None or (day - last).days > WINDOW_DAYS:
            runs.append([])
        runs[-1].append(number)
        last = day
    return [sorted(run) for run in runs if len(run) > 1]


def _similar(sentences: Sequence[str]) -> list[list[int]]:
    """Groups of sentences that share enough words; single ones are groups too."""
    words = [content_words(sentence) for sentence in sentences]
    home = list(range(len(sentences)))

    def root(index: int) -> int:
        while home[index] != index:
            home[index] = home[home[index]]
            index = home[index]
        return index

    for first in range(len(sentences)):
        for second in range(first + 1, len(sentences)):
            one, other = root(first), root(second)
            if one != other and similarity(words[first], words[second]) >= SIMILARITY:
                home[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = {}
    for index in range(len(sentences)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared words over those of the smaller set; 0 where that has too few of them."""
    fewest = min(len(first), len(second))
    return len(first & second) / fewest if fewest >= FEWEST_WORDS else 0.0


@lru_cache(maxsize=4096)
def content_words(sentence: str) -> frozenset[str]:
    """The words of a sentence by which it is compared: bare, no numbers, none of two letters."""
    words = set()
    for start, end in find_words(sentence):
        word = fold(sentence[start:end])
        if word[:1].isdecimal() or find_numeral(word) is not None:
            continue
        for prefix in _PREFIXES:
            if word.startswith(prefix) and len(word) - len(prefix) >= 3:
                word = word[len(prefix) :]
                break
        if len(word) > 2:
            words.add(word)
    return frozenset(words)

"""Takes a bare name apart: what a gazetteer is to be asked for, and what stands around it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import regex

from inference.names.letters import ARTICLE, folded
from inference.names.proclitics import detach
from inference.places import sites
from inference.places.adjectives import country_of
from inference.places.directions import (
    DIRECTIONS,
    FRAMES,
    SURROUNDINGS,
    direction_at,
    trailing_direction,
)
from inference.places.kinds import KINDS, Kind

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_INSIDE = FRAMES | SURROUNDINGS

Needs = Literal["nothing", "wide", "settlement", "evidence"]
"""What a place must be for a reading to hold: anything; no town (القلمون الغربي is a part of it,
المليحة الغربية another village); a settlement; one that the report is about besides."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a name."""

    text: str
    """What a gazetteer is asked for; empty where `countries` say it."""
    relation: tuple[str, ...] = ()
    kind: Kind | None = None
    """A noun inside: شمال مدينة الرقة."""
    needs: Needs = "nothing"
    countries: tuple[str, ...] = ()
    """The ISO 3166-1 codes behind adjectives: الحدود السورية العراقية."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """All ways to read a name, likelier first."""

    readings: tuple[Reading, ...]
    is_road: bool = False
    """Whether it is a road, whose readings are the places that it names."""
    is_unnamed: bool = False
    """Whether it has nothing but words of relation: الريف الغربي."""


def read_phrase(name: str) -> Phrase:
    """Take a bare name apart."""
    raw = _WORD.findall(name)
    words = [folded(word) for word in raw]
    if not words:
        return Phrase((Reading(name),))
    if words[0] in sites.ROADS and len(words) > 1:
        return Phrase((Reading(name), *_road_readings(name, raw[0])), is_road=True)
    readings = [Reading(name), *_definite_readings(raw, words)]
    bare = _Rest(raw, words)
    readings += bare.readings()
    return Phrase(tuple(readings), is_unnamed=bare.is_nothing or _is_unnamed(words))


class _Rest:
    """What is left of a name while words are taken from its beginning."""

    def __init__(self, raw: Sequence[str], words: Sequence[str]) -> None:
        self._raw = raw
        self._words = words
        self._at = 0
        self._relation: list[str] = []
        self._kind: Kind | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all words were words of relation."""
        return self._at == len(self._words)

    def readings(self) -> Iterator[Reading]:
        """The name with ever fewer words before it, each time with and without a direction
        behind it."""
        while not self.is_nothing:
            if self._at:
                yield self._reading(len(self._raw), ())
            count, said = trailing_direction(self._words[self._at :])
            if count and self._at + count < len(self._words):
                needs: Needs = "nothing" if self._relation else "wide"
                yield self._reading(len(self._raw) - count, (said,), needs)
            if not self._take():
                break
        yield from self._site()

    def _reading(self, end: int, more: tuple[str, ...], needs: Needs = "nothing") -> Reading:
        text = " ".join(self._raw[self._at : end])
        return Reading(text, (*self._relation, *more), self._kind, needs)

    def _take(self) -> bool:
        """Take the next words away if they are none of the name."""
        word = self._words[self._at]
        count, said = direction_at(self._words, self._at)
        if count:
            self._relation.append(said)
        elif word in _INSIDE:
            self._relation.append(_INSIDE[word])
            count = 1
        elif word in KINDS and self._at + 1 < len(self._words):
            self._kind = KINDS[word]
            count = 1
        self._at += count
        return count > 0

    def _site(self) -> Iterator[Reading]:
        words = self._words[self._at :]
        if len(words) < 2 or words[0] not in sites.SURE | sites.DOUBTFUL:
            return
        end = len(words)
        while end > 2 and words[end - 1] in sites.ADJECTIVES:
            end -= 1
        # سجن صيدنايا العسكري, مخيمي الهول
        noun = sites.SINGULARS.get(words[0], self._raw[self._at])
        rest = self._raw[self._at + 1 : self._at + end]
        yield Reading(" ".join([noun, *rest]), tuple(self._relation))
        official = any(word in sites.OFFICIAL for word in words[end:])
        sure = words[0] in sites.SURE or official
        begin = 1
        kind = None
        if words[1] in KINDS and end > 2:
            kind, begin = KINDS[words[1]], 2
        text = " ".join(self._raw[self._at + begin : self._at + end])
        yield Reading(text, (*self._relation, "site"), kind, "settlement" if sure else "evidence")


def _definite_readings(raw: Sequence[str], words: Sequence[str]) -> Iterator[Reading]:
    """Of الشمال السوري, الحدود السورية العراقية, الريف الشمالي للرقة."""
    relation: list[str] = []
    at = 0
    if words[0].startswith(ARTICLE):
        at, said = direction_at(words, 0, definite=True)
        bare = words[0][len(ARTICLE) :]
        if at:
            relation.append(said)
        elif bare in FRAMES:
            relation.append(FRAMES[bare])
            at = 1
            count, said = direction_at(words, 1, definite=True)
            if count:
                relation.append(said)
                at += count
    else:
        # حدود السورية is seldom, but شمال الأراضي السورية is not.
        at, said = direction_at(words, 0)
        if not at or at == len(words) or words[at].removeprefix(ARTICLE) not in FRAMES:
            return
        relation += [said, FRAMES[words[at].removeprefix(ARTICLE)]]
        at += 1
    if not at or at == len(words):
        return
    codes = [country_of(word) for word in words[at:]]
    if all(codes):
        yield Reading("", tuple(relation), countries=tuple(code for code in codes if code))
    elif words[at].startswith("ل"):
        for first in detach(words[at], "ل", shortest=2):
            yield Reading(" ".join([first, *raw[at + 1 :]]), tuple(relation))
    elif words[at] in ("من", "في", "مع") and at + 1 < len(words):
        yield Reading(" ".join(raw[at + 1 :]), tuple(relation))


def _is_unnamed(words: Sequence[str]) -> bool:
    return all(
        word.removeprefix(ARTICLE).removesuffix("ه") in DIRECTIONS
        or word.removeprefix(ARTICLE) in FRAMES
        for word in words
    )


def _road_readings(name: str, noun: str) -> Iterator[Reading]:
    """The places that a road leads between: طريق تدمر - دير الزور."""
    behind = name[name.index(noun) + len(noun) :]
    for part in regex.split(r"\s*[-–—_/]\s*", behind.strip()):
        if part:
            yield Reading(part)

"""Finds the places that a report's LOCATION spans name: each alone first, then by the others."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from annotation.report import Report
from inference.names import BareName
from inference.names.letters import folded
from inference.names.mention import first_word
from inference.places.directions import DUALS
from inference.places.gazetteer import Gazetteer
from inference.places.index import Named
from inference.places.kinds import Kind
from inference.places.mention import PlaceMention, nests_of
from inference.places.phrase import Phrase, Reading, read_phrase
from inference.places.place import Level, Place, PlaceMatch
from inference.places.settling import settle
from inference.places.surroundings import read_before

_REMEMBERED = 1 << 16
_WIDE: tuple[Level, ...] = ("country", "division", "district", "region", "terrain", "water")
_SETTLEMENTS: tuple[Level, ...] = ("city", "town", "quarter")
_SEATS: tuple[Level, ...] = (
    *("country", "division", "district", "city", "town", "quarter", "region"),
)
_MARKS = regex.compile(r"\p{Mn}")
_LISTING = regex.compile(r"[ ،,؛:()%\d]*(ثم )?")
"""Between the names of a list, with or without a figure for each: حلب 41، درعا 33."""
_LISTS = regex.compile(r"[،,؛]|ثم ")
"""What in such a gap makes a list of it, where و does not."""
_CONTAINED = regex.compile(r" ?[،,)(]? ?(في |ضمن |التابع\w* |الواقع\w* )?(في |ل)?")


class _Found(NamedTuple):
    """What the gazetteer has for a name."""

    all_of_them: tuple[Place, ...]
    places: tuple[Place, ...]
    """Those that the noun of the kind leaves."""
    exact: bool
    shared: bool
    reading: Reading
    kind: Kind | None


class PlaceReader:
    """Reads places by a gazetteer; it has no state but what it remembers."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._look_up = lru_cache(_REMEMBERED)(gazetteer.lookup)
        self._country = lru_cache(_REMEMBERED)(gazetteer.country)
        self._phrase = lru_cache(_REMEMBERED)(read_phrase)
        self._find = lru_cache(_REMEMBERED)(self._find_places)

    def read(
        self,
        report: Report,
        names: Sequence[BareName | None],
        countries: Collection[str] = (),
    ) -> dict[int, PlaceMatch]:
        """The places of the report's LOCATION spans, by the number of the span.

        `names` are the bare names of all spans, `countries` the ISO 3166-1 codes of countries
        that the report is about for other reasons.
        """
        mentions = dict(self._mentions(report, names))
        settle(list(mentions.values()), countries)
        return {number: _to_match(mention) for number, mention in mentions.items()}

    def _mentions(
        self, report: Report, names: Sequence[BareName | None]
    ) -> Iterator[tuple[int, PlaceMention]]:
        previous: PlaceMention | None = None
        for number, (span, name) in enumerate(zip(report.spans or (), names, strict=True)):
            if name is None or span.label != "LOCATION":
                continue
            before = read_before(report.text, span.start)
            gap = "" if previous is None else report.text[previous.end : span.start]
            listed = previous is not None and bool(_LISTING.fullmatch(gap))
            with_and = name.proclitics.startswith("و")
            kind = before.kind
            if kind is None and listed and with_and and previous and previous.noun:
                kind = previous.noun if previous.noun.is_shared else None
            mention = PlaceMention(span.start, span.end, name.name, kind)
            self._read_name(mention, kind)
            if listed and with_and and previous and not mention.relation:
                said = DUALS.get(folded(first_word(previous.name)))
                mention.relation = (said,) if said else ()
            if before.relation:
                mention.relation = (before.relation, *mention.relation)
            mention.is_listed = listed and (with_and or bool(_LISTS.search(gap)))
            # القورية بريف دير الزور, الشحيل في دير الزور
            mention.holds_previous = (
                previous is not None
                and bool(_CONTAINED.fullmatch(gap))
                and not mention.is_listed
                and ("ب" in name.proclitics or bool(gap.strip(" ،,")) or bool(mention.relation))
            )
            yield number, mention
            previous = mention

    def _read_name(self, mention: PlaceMention, kind: Kind | None) -> None:
        """What the name says by itself, and with the noun before it."""
        phrase = self._phrase(mention.name)
        if phrase.is_road:
            self._read_road(mention, phrase)
            return
        found = self._find(mention.name, kind)
        if found is None:
            if phrase.is_unnamed:
                mention.refuse("unnamed", "a direction or a countryside without a name")
                return
            what = " or ".join(kind.levels) if kind and kind.is_firm else "place"
            mention.refuse("unknown", f"the gazetteer has no {what} that is called {mention.name}")
            return
        mention.candidates = found.all_of_them
        mention.exact = found.exact
        mention.is_shared = found.shared
        mention.is_called_small = found.kind is not None and found.kind.is_small
        mention.relation = found.reading.relation
        mention.is_site = found.reading.needs in ("settlement", "evidence")
        mention.needs_evidence = found.reading.needs == "evidence"
        mention.nests = nests_of(found.places)
        if found.kind is not None and len(found.places) < len(found.all_of_them):
            mention.how = "kind"

    def _read_road(self, mention: PlaceMention, phrase: Phrase) -> None:
        whole, *ends = phrase.readings
        if places := self._look_up(whole.text):
            mention.candidates = tuple(named.place for named in places)
            mention.nests = nests_of(mention.candidates)
            mention.exact = any(named.exact for named in places)
            return
        found = [self._find(end.text, None) for end in ends]
        mention.candidates = tuple(place for one in found if one for place in one.all_of_them)
        mention.refuse(
            "road", "a road has no one point; the candidates lie on it, or it leads there"
        )

    def _find_places(self, name: str, kind: Kind | None) -> _Found | None:
        """The places that a name may be, by the first reading that the gazetteer has."""
        if kind is not None:
            # مدينة البعث is the name, though مدينة stands outside the span.
            with_noun = self._look_up(f"{kind.noun} {name}")
            if whole := [one for one in with_noun if one.place.level in kind.levels]:
                return _found(whole, whole, Reading(name), None)
        for reading in self._phrase(name).readings:
            if reading.countries:
                if found := self._of_adjectives(reading):
                    return found
                continue
            named = _as_vowelled(self._look_up(reading.text), reading.text)
            if reading.needs == "wide":
                named = [one for one in named if one.place.level in _WIDE]
            elif reading.needs != "nothing":
                named = [one for one in named if one.place.level in _SETTLEMENTS]
            # A noun before the span belongs to what the span begins with: قرية بريف حلب.
            said = reading.kind or (None if reading.relation else kind)
            left = named
            if said is not None:
                left = [one for one in named if one.place.level in said.levels]
                if not left and not said.is_firm:
                    # An office may be named by its seat, but مقاطعة الفرات is no river.
                    left = [one for one in named if one.place.level in _SEATS]
            if left:
                return _found(named, left, reading, said)
        return None

    def _of_adjectives(self, reading: Reading) -> _Found | None:
        """The country of an adjective; of two, the first, and the other goes into the relation."""
        place = self._country(reading.countries[0])
        if place is None:
            return None
        others = dict.fromkeys(code for code in reading.countries if code != place.country)
        more = (f"with {' and '.join(others)}",) if others else ()
        full = Reading(reading.text, (*reading.relation, *more))
        return _Found((place,), (place,), False, False, full, None)


def _found(
    named: Sequence[Named], left: Sequence[Named], reading: Reading, kind: Kind | None
) -> _Found:
    all_of_them = tuple(one.place for one in named)
    exact = any(one.exact for one in left)
    shared = all(one.shared for one in left)
    return _Found(all_of_them, tuple(one.place for one in left), exact, shared, reading, kind)


def _as_vowelled(named: Sequence[Named], text: str) -> Sequence[Named]:
    """Those that are written so, where the text has the marks that tell them: عمّان and عُمان."""
    if not _MARKS.search(text):
        return named
    return [one for one in named if one.exact] or named


def _to_match(mention: PlaceMention) -> PlaceMatch:
    relation = " ".join(mention.relation) or None
    candidates = mention.candidates
    if mention.place is not None and len(candidates) == 1:
        candidates = ()
    how = mention.how
    if how is None:
        how = "site" if mention.is_site else "exact" if mention.exact else "normalised"
    return PlaceMatch(how, mention.place, relation, candidates, mention.reason)

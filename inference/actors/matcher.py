"""Finds the party that a bare name names: as written, normalised, by its head, by likeness."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from inference.actors.actor import Actor, How, Match
from inference.actors.heads import HEADS, ORDINALS, without_head
from inference.actors.near_names import NearNames
from inference.names.letters import name_key, name_words

_KEPT = 1_000_000
"""Names whose match is remembered: they repeat, but an archive has ever new ones."""
_SHORTEST_WITHOUT_HEAD = 2
"""Words of a table's name without its head noun that still tell it: not القدس of لواء القدس."""
_COMPANY = 2
"""Parties of a group that a report names at least for them to settle who else is meant."""
UNKNOWN = Match("unknown")


class _Parties(NamedTuple):
    """Who goes by a name."""

    owners: tuple[Actor, ...]
    """Whose name it is; several where they follow each other in time."""
    sharers: tuple[Actor, ...]


class _Found(NamedTuple):
    how: How
    parties: _Parties
    similarity: float | None = None


class ActorMatcher:
    """Matches names with the rows of a table; it has no state but what it remembers."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        self.actors = tuple(actors)
        self._keys = _by_key(actors)
        self._written = {name: self._keys[name_key(name)] for name in self.names()}
        self._headless = _headless(actors, self._keys)
        self._near = NearNames()
        self._common = set(HEADS | ORDINALS)
        for words in map(name_words, self.names()):
            self._near.add(words)
            self._common.update(words)
        self._found: dict[str, _Found | None] = {}

    def names(self) -> Iterable[str]:
        """All names of the table, as they are written there."""
        for actor in self.actors:
            yield from (actor.name_ar, *actor.aliases, *actor.shared_aliases)

    def match(self, name: str, date: str | None = None, named: Collection[str] = ()) -> Match:
        """The party that the bare `name` names.

        Of several, `date` (ISO 8601) leaves those that were there. Then `named`, the ids of parties
        that the report names without doubt, decides: one of several that is among them, or else
        one that belongs with them.
        """
        if name not in self._found:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[name] = self._find(name)
        found = self._found[name]
        return UNKNOWN if found is None else _settle(found, date, named)

    def _find(self, name: str) -> _Found | None:
        written = self._written.get(name)
        if written is not None:
            return _Found("exact", written)
        words = name_words(name)
        key = "".join(words)
        if key in self._keys:
            return _Found("normalised", self._keys[key])
        rest = without_head(words)
        if parties := self._behind_head(words, rest, key):
            return _Found("head", parties)
        return self._find_similar(words)

    def _behind_head(
        self, words: tuple[str, ...], rest: tuple[str, ...], key: str
    ) -> _Parties | None:
        """The party that differs in its head noun alone."""
        if rest:
            parties = self._keys.get("".join(rest))
            # قوات تركيا is no name of the state, and one of a shared name says nothing more.
            if parties and parties.owners and all(a.kind != "state" for a in parties.owners):
                return parties
        elif len(words) >= _SHORTEST_WITHOUT_HEAD:
            return self._headless.get(key)
        return None

    def _find_similar(self, words: tuple[str, ...]) -> _Found | None:
        slips = self._near.slips(words, self._common)
        if not slips:
            return None
        best = slips[0][1]
        parties = [self._keys[other] for other, score in slips if score == best]
        together = _Parties(
            tuple(dict.fromkeys(actor for one in parties for actor in one.owners)),
            tuple(dict.fromkeys(actor for one in parties for actor in one.sharers)),
        )
        return _Found("fuzzy", together, round(best, 1))


def _by_key(actors: Sequence[Actor]) -> dict[str, _Parties]:
    owners: dict[str, dict[Actor, None]] = {}
    sharers: dict[str, dict[Actor, None]] = {}
    for actor in actors:
        for name in (actor.name_ar, *actor.aliases):
            owners.setdefault(name_key(name), {})[actor] = None
        for name in actor.shared_aliases:
            sharers.setdefault(name_key(name), {})[actor] = None
    return {
        key: _Parties(tuple(owners.get(key, ())), tuple(sharers.get(key, ())))
        for key in owners.keys() | sharers.keys()
    }


def _headless(actors: Sequence[Actor], keys: Mapping[str, _Parties]) -> dict[str, _Parties]:
    """Names of the table without their head nouns, where they tell one party."""
    found: dict[str, dict[Actor, None]] = {}
    for actor in actors:
        for name in (actor.name_ar, *actor.aliases):
            rest = without_head(name_words(name))
            if len(rest) >= _SHORTEST_WITHOUT_HEAD and "".join(rest) not in keys:
                found.setdefault("".join(rest), {})[actor] = None
    return {key: _Parties(tuple(who), ()) for key, who in found.items() if len(who) == 1}


def _settle(found: _Found, date: str | None, named: Collection[str]) -> Match:
    all_of_them = found.parties.owners or found.parties.sharers
    there = tuple(actor for actor in all_of_them if actor.is_valid(date)) if date else ()
    parties = there or all_of_them
    if len(parties) == 1:
        if found.parties.owners:
            return Match(found.how, parties[0], similarity=found.similarity)
        if len(all_of_them) > 1:
            return Match("date", parties[0], all_of_them, found.similarity)
    elsewhere = [actor for actor in parties if actor.id in named]
    if len(elsewhere) == 1:
        return Match("report", elsewhere[0], parties, found.similarity)
    if not elsewhere and (kin := _in_company(parties, named)) is not None:
        return Match("company", kin, parties, found.similarity)
    return Match("ambiguous", None, parties, found.similarity)


def _in_company(parties: Sequence[Actor], named: Collection[str]) -> Actor | None:
    """The one of `parties` that belongs with those the report names, where no other does."""
    company = Counter(map(group_of, named))
    groups = Counter(group_of(actor.id) for actor in parties)
    met = [group for group in groups if company[group]]
    if len(met) != 1 or groups[met[0]] > 1 or company[met[0]] < _COMPANY:
        return None
    return next(actor for actor in parties if group_of(actor.id) == met[0])


def group_of(actor_id: str) -> str:
    """What an id has before its first hyphen: in the table that Rasd brings, the country."""
    return actor_id.partition("-")[0]

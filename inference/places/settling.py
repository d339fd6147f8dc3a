"""Settles the places of one report by each other, in the order of how sure the evidence is."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from inference.places.distance import kilometres
from inference.places.evidence import Evidence
from inference.places.mention import Nest, PlaceMention, usual, widest
from inference.places.place import Level, Place

SITE_KILOMETRES = 60.0
"""A hospital or a market is believed to lie there if the report has another place as near."""

ELSEWHERE_KILOMETRES = 150.0
"""A place does not lie in a division or town whose middle is farther away than that."""
_SMALL: tuple[Level, ...] = ("town", "quarter", "site")
_WIDE_RELATIONS = ("countryside", "desert", "border", "territory", "interior", "coast", "waters")
_DIRECTIONS = ("north", "south", "east", "west", "centre")
_IN_A_CITY: tuple[Level, ...] = ("quarter", "site")
_SETTLEMENTS: tuple[Level, ...] = ("city", "town")


def settle(mentions: Sequence[PlaceMention], countries: Collection[str]) -> None:
    """Give each mention its place, or the reason why it has none.

    `countries` are the ISO 3166-1 codes of countries that the report is about for other reasons.
    """
    _check_sites(mentions, countries)
    # From the widest of a chain inwards: تل حميس بريف القامشلي شمال الحسكة.
    for inner, outer in reversed(list(pairwise(mentions))):
        if outer.holds_previous:
            _settle_pair(inner, outer)
    for mention in mentions:
        if mention.is_open and len(mention.nests) > 1:
            settled = _evidence_for(mention, mentions, countries).settle(mention.nests)
            if settled is None:
                told = "several places are called so, and nothing in the report tells which"
                mention.refuse("ambiguous", told)
            else:
                mention.how, nest = settled
                mention.nests = [nest]
    _refuse_unsupported(mentions, countries)
    for at, mention in enumerate(mentions):
        if mention.is_open:
            _choose(mention, mentions, at)


def _evidence_for(
    mention: PlaceMention,
    mentions: Sequence[PlaceMention],
    countries: Collection[str],
) -> Evidence:
    """What all other mentions tell of one; those of its own name tell nothing."""
    others = (one.evidence for one in mentions if one.candidates != mention.candidates)
    return Evidence((place for place in others if place is not None), countries)


def _check_sites(mentions: Sequence[PlaceMention], countries: Collection[str]) -> None:
    """Believe that a site lies where its name says only where the report is about that place."""
    for mention in mentions:
        if not mention.is_site:
            continue
        others = [one for one in mentions if not one.is_site]
        evidence = _evidence_for(mention, others, countries)
        named = {place.id for one in others if one.is_open for place in one.nests[0]}
        kept = [
            nest
            for nest in mention.nests
            if any(place.id in named for place in nest)
            or _bears_its_name(mention, nest[0], evidence)
        ]
        mention.nests = kept
        if not kept:
            told = "the gazetteer has no such site, and nothing tells that it lies where it says"
            mention.refuse("unknown", told)
            # What is no place has no site in it.
            mention.relation = tuple(word for word in mention.relation if word != "site")


def _bears_its_name(mention: PlaceMention, place: Place, evidence: Evidence) -> bool:
    """Whether a site lies in the place that it is called after, though the report does not say."""
    if mention.is_shared:
        return False
    near = evidence.reaches(place, SITE_KILOMETRES)
    if mention.needs_evidence:
        # Hospitals and markets are called after cities far away, not after towns.
        return near and place.level == "town"
    return near or place.country in evidence.countries or not evidence.places


def _settle_pair(inner: PlaceMention, outer: PlaceMention) -> None:
    """Settle the one of two mentions by the other, where the one lies in the other."""
    if not (inner.is_open and outer.is_open):
        return
    if len(outer.nests) == 1:
        inner.nests = [nest for nest in inner.nests if not _lies_elsewhere(nest, outer.nests[0])]
        if not inner.nests:
            told = "the text puts it elsewhere than where places of this name are known"
            inner.refuse("unsupported", told)
            return
    if len(inner.nests) > 1 and len(outer.nests) == 1:
        fitting = [nest for nest in inner.nests if _can_hold(outer.nests[0], nest)]
        mention = inner
    elif len(inner.nests) == 1 and len(outer.nests) > 1:
        fitting = [nest for nest in outer.nests if _can_hold(nest, inner.nests[0])]
        mention = outer
    else:
        return
    if len(fitting) == 1:
        mention.how, mention.nests = "chain", fitting


def _lies_elsewhere(nest: Nest, container: Nest) -> bool:
    """Whether a small place cannot be the one that the text puts in another."""
    place, outer = nest[0], container[0]
    if place.level not in _SMALL or _can_hold(container, nest) or outer.level == "country":
        return False
    return kilometres(place, outer) > ELSEWHERE_KILOMETRES


def _can_hold(container: Nest, nest: Nest) -> bool:
    return any(_is_in(place, outer) for place in nest for outer in container)


def _is_in(place: Place, outer: Place) -> bool:
    if not place.country or place.country != outer.country:
        return False
    return outer.level == "country" or (outer.division != "" and place.division == outer.division)


def _refuse_unsupported(mentions: Sequence[PlaceMention], countries: Collection[str]) -> None:
    """Give no place for a name that many have, where the report is about nothing else near it."""
    refused = []
    for mention in mentions:
        place = mention.evidence
        if place is None or mention.how == "chain":
            continue
        evidence = _evidence_for(mention, mentions, countries)
        abroad = bool(evidence.places) and place.country not in evidence.countries
        if (mention.is_called_small and abroad) or (
            mention.is_shared and not evidence.supports(place)
        ):
            refused.append(mention)
    for mention in refused:
        told = "other places are called so, too, and the report is about nothing else near this one"
        mention.refuse("unsupported", told)


def _choose(mention: PlaceMention, mentions: Sequence[PlaceMention], at: int) -> None:
    """Of places that lie within each other, give the one that is meant."""
    (nest,) = mention.nests
    if len(nest) == 1:
        mention.place = nest[0]
        return
    is_wide = any(
        word.startswith(_DIRECTIONS) or word in _WIDE_RELATIONS for word in mention.relation
    )
    if is_wide:
        mention.how, mention.place = mention.how or "relation", widest(nest)
    elif (chosen := _by_chain(mention, mentions, at, nest)) is not None:
        mention.how, mention.place = "chain", chosen
    elif any(one.evidence and _is_division(one) for one in _listed_with(mentions, at)):
        mention.how, mention.place = "company", widest(nest)
    else:
        mention.how, mention.place = mention.how or "nested", usual(nest)


def _by_chain(
    mention: PlaceMention, mentions: Sequence[PlaceMention], at: int, nest: Nest
) -> Place | None:
    """A quarter lies in the city, a village in the division."""
    if not mention.holds_previous or any(place.level == "country" for place in nest):
        return None
    inner = mentions[at - 1]
    place = inner.evidence
    levels = (place.level,) if place is not None else inner.noun.levels if inner.noun else ()
    if inner.is_site or any(level in _IN_A_CITY for level in levels):
        return usual(nest)
    if any(level in _SETTLEMENTS for level in levels) and place not in nest:
        return widest(nest)
    return None


def _is_division(mention: PlaceMention) -> bool:
    return [place.level for place in mention.nests[0]] == ["division"]


def _listed_with(mentions: Sequence[PlaceMention], at: int) -> list[PlaceMention]:
    """The mentions that stand in one list with that at `at`, without it."""
    first, last = at, at
    while first and mentions[first].is_listed:
        first -= 1
    while last + 1 < len(mentions) and mentions[last + 1].is_listed:
        last += 1
    return [mentions[number] for number in range(first, last + 1) if number != at]

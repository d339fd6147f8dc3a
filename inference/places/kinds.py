"""Nouns that say what kind of place a name is of: محافظة, مدينة, حي."""

from typing import NamedTuple

from inference.names.letters import folded
from inference.places.place import Level


class Kind(NamedTuple):
    """What a noun says of the name behind it."""

    noun: str
    levels: tuple[Level, ...]
    """Those that it names, likelier first."""
    is_firm: bool
    """Whether places of other levels are ruled out. An office may bear the name of its seat, and a
    gazetteer may have the seat alone."""
    is_shared: bool
    """Whether it stands for the name that is listed behind as well: a dual."""
    is_small: bool = False
    """Whether even the name of a large city may be another's: ناحية الرياض."""


_SETTLEMENT: tuple[Level, ...] = ("city", "town")
_DIVISION: tuple[Level, ...] = ("division",)
_OFFICE: tuple[Level, ...] = ("district", "city", "town", "region", "quarter")
_AREA: tuple[Level, ...] = ("district", "division", "region")


def _kinds(
    nouns: str, levels: tuple[Level, ...], *, firm: bool, shared: bool = False, small: bool = False
) -> dict[str, Kind]:
    return {folded(noun): Kind(noun, levels, firm, shared, small) for noun in nouns.split()}


KINDS: dict[str, Kind] = {
    **_kinds("مدينة", _SETTLEMENT, firm=True),
    **_kinds("مدينتي", _SETTLEMENT, firm=True, shared=True),
    **_kinds("بلدة قرية", _SETTLEMENT, firm=True, small=True),
    **_kinds("بلدتي قريتي", _SETTLEMENT, firm=True, shared=True, small=True),
    **_kinds("العاصمة", ("city",), firm=True),
    **_kinds("حي", ("quarter",), firm=True, small=True),
    **_kinds("حيي", ("quarter",), firm=True, shared=True, small=True),
    **_kinds("محافظة ولاية", _DIVISION, firm=False),
    **_kinds("محافظتي محافظات ولايتي ولايات", _DIVISION, firm=False, shared=True),
    **_kinds("إقليم مقاطعة", ("division", "region"), firm=False),
    **_kinds("قضاء", _OFFICE, firm=True),
    **_kinds("قضائي", _OFFICE, firm=True, shared=True),
    **_kinds("ناحية مديرية دائرة", _OFFICE, firm=True, small=True),
    **_kinds("ناحيتي مديريتي", _OFFICE, firm=True, shared=True, small=True),
    **_kinds("منطقة", _AREA, firm=False),
    **_kinds("منطقتي", _AREA, firm=False, shared=True),
    **_kinds("دولة جمهورية مملكة", ("country",), firm=True),
}
"""By the noun, folded. Plurals are not among them: قرى جنين are villages of Jenin."""

"""Distances between places."""

from math import asin, cos, radians, sin, sqrt

from inference.places.place import Place

_EARTH_KM = 6371.0


def kilometres(one: Place, other: Place) -> float:
    """The great-circle distance, by the haversine formula."""
    north, other_north = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    half = sin((other_north - north) / 2) ** 2
    half += cos(north) * cos(other_north) * sin(east / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, half)))

"""Which place of a gazetteer a LOCATION span names, and how it relates to it."""

from inference.places.gazetteer import PLACES, Gazetteer, load_gazetteer
from inference.places.place import Place, PlaceMatch
from inference.places.reader import PlaceReader

__all__ = ["PLACES", "Gazetteer", "Place", "PlaceMatch", "PlaceReader", "load_gazetteer"]

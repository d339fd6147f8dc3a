"""Gazetteers: which places are known by a name, and where they lie."""

from inference.places.gazetteer import PLACES, Gazetteer, load_gazetteer
from inference.places.place import Place

__all__ = ["PLACES", "Gazetteer", "Place", "load_gazetteer"]

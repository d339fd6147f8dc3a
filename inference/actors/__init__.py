"""Which known party an ACTOR span names, and which spans name the same unknown one."""

from inference.actors.actor import Actor, Match
from inference.actors.clusters import Clusters
from inference.actors.matcher import ActorMatcher
from inference.actors.table import ACTORS, load_actors

__all__ = ["ACTORS", "Actor", "ActorMatcher", "Clusters", "Match", "load_actors"]

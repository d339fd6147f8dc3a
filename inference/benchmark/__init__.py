"""Measures our ways to run a model, and others', on one machine and the same texts."""

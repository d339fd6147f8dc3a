"""Runs that write shards into a folder: stopped at any moment, they go on where they were.

A run is planned first: `plan.py` cuts the inputs into shards, always the same ones for the same
bytes. `shard.py` makes the predictions of one shard out of nothing but its part of the inputs, here
or in another process (`on_ray.py`). `folder.py` puts shards into the folder in their order, and
knows after a crash which ones are there. `run.py` joins these.
"""

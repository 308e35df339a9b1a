"""Pools that do the work of a batch: this process, several processes, or Dask, all behind one protocol.

A task is a plain function with one argument. Nothing here knows about scenes, models or roads.
"""

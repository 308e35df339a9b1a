"""Who does the work of a batch: this process, several of them, or Dask, all behind one protocol.

Work is a plain function and one argument; a pool knows nothing of scenes, models and roads.
"""

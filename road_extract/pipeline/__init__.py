"""One scene from its file to its roads: read `flow` first, top to bottom.

The parts are wired here and written elsewhere: no algorithm, and nothing that prints or knows of several scenes.
"""

"""Turns pixels into seamless road probability: scaling, inference tile by tile, and blending.

It works on arrays. Code that opens files or imports a model runtime does not belong here.
"""

"""Cleans road masks that are streamed in strips: drops small components and fills small holes.

It works on arrays only. Code that creates geometries or opens files does not belong here.
"""

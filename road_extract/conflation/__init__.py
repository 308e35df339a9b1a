"""Joins new roads to a map: which of them are doubtful, where they meet the map, and what changes there.

This package handles OpenStreetMap's objects and tags as values. It does not read or write files; `io.vector` does, and
`evaluation.diff` connects the two.
"""

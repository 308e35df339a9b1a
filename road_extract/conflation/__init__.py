"""Joins new roads to a map: which of them are doubtful, where they meet the map, and what changes there.

This package knows OpenStreetMap's objects and tags as values. It reads and writes no files; `io.vector` does that, and
`evaluation.diff` brings both together.
"""

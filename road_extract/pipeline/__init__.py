"""Processes one scene, from its file to its roads; start reading at `flow`.

This package only connects parts from elsewhere. Algorithms, printing and work on several scenes do not belong here.
"""

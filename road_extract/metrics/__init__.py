"""How well roads match the truth: counts and ratios of pixels and lines.

Arrays and shapely geometries come in; no file is opened here, and no scene is known.
"""

"""How well roads match the truth. Arrays and shapely geometries in, counts and ratios out; no files."""

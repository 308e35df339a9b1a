"""Code shared by several tests. Tests import it from here, and never import each other."""

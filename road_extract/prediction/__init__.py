"""From pixels to seamless road probability: scaling, tiles through a backend, blending.

Arrays come in and go out: no file is opened here, and no runtime of a model is imported.
"""

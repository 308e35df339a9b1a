"""Random changes of training windows: the eight symmetries of the square, colour, contrast, blur and noise.

Arrays are channels-last. Every function draws only from the generator it is given, so a run can be repeated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]

#: RGB to YIQ (NTSC, FCC 1953): hue is a rotation of the I-Q plane, saturation its radius.
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=np.float32)
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ).astype(np.float32)


def random_symmetry(image: FloatArray, label: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One of the eight flips and quarter turns, the same for image and label.

    Args:
        image: (rows, cols, bands), square.
        label: (rows, cols, any), square.
        rng: Source of chance.

    Returns:
        Image and label of the same shapes, contiguous.
    """
    turns = int(rng.integers(4))
    image, label = np.rot90(image, turns), np.rot90(label, turns)
    if rng.random() < 0.5:
        image, label = image[:, ::-1], label[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(label)


def random_photometry(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Change colour, tone and sharpness so that the model stands other sensors, seasons and grey input.

    Args:
        image: (rows, cols, bands), 0..1. Hue, saturation and grey need three bands and are left out for others.
        rng: Source of chance.

    Returns:
        An image of the same shape, clipped to 0..1.
    """
    if image.shape[-1] == 3:
        image = _random_colour(image, rng)
    image = _random_tone(image, rng)
    if rng.random() < 0.2:
        sigma = float(rng.uniform(0.4, 1.2))
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0))
    if rng.random() < 0.2:
        image = image + rng.normal(0, rng.uniform(0.005, 0.03), image.shape).astype(np.float32)
    clipped: FloatArray = np.clip(image, 0, 1, dtype=np.float32)
    return clipped


def _random_colour(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    if rng.random() < 0.2:
        grey = image @ rng.dirichlet((2, 2, 2)).astype(np.float32)
        repeated: FloatArray = np.repeat(grey[..., None], 3, axis=-1)
        return repeated
    if rng.random() < 0.5:
        return image
    angle, saturation = rng.uniform(-0.5, 0.5), rng.uniform(0.3, 1.5)
    cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], dtype=np.float32)
    gains = rng.uniform(0.85, 1.15, 3).astype(np.float32)
    return np.asarray((image @ (YIQ_TO_RGB @ turn @ RGB_TO_YIQ).T) * gains, np.float32)


def _random_tone(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    if rng.random() < 0.6:
        mean = image.mean()
        contrast, brightness = np.float32(rng.uniform(0.6, 1.6)), np.float32(rng.uniform(-0.15, 0.15))
        image = np.asarray((image - mean) * contrast + (mean + brightness), np.float32)
    if rng.random() < 0.4:
        gamma = np.float32(np.exp(rng.uniform(-0.5, 0.5)))
        image = np.power(np.clip(image, 0, 1), gamma, dtype=np.float32)
    return image

"""Random changes of colour, tone and sharpness, so that a model copes with other sensors, seasons and grey input.

Arrays are (rows, cols, bands). Every function uses only the random generator it is given, so runs are reproducible.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from road_extract.base.arrays import ByteArray, Float32Array

#: RGB to YIQ (NTSC, FCC 1953): hue is a rotation of the I-Q plane, saturation its radius.
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=np.float32)
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ).astype(np.float32)

#: JPEG quantization table for luminance, ITU-T T.81, table K.1.
JPEG_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float32,
)

#: Probability of each change.
GREY, COLOUR, TONE, BANDS, GAMMA, HAZE, SHADOW = 0.1, 0.5, 0.7, 0.5, 0.35, 0.12, 0.15
BLUR, SHARPEN, NOISE, JPEG = 0.2, 0.08, 0.15, 0.12


def random_photometry(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Change an image at random.

    Args:
        image: (rows, cols, bands), uint8. Hue, saturation and grey need three bands and are skipped for others.
        rng: Random generator.

    Returns:
        An image of the same shape.
    """
    unit = image.astype(np.float32) / np.float32(255)
    if image.shape[-1] == 3:
        unit = _random_colour(unit, rng)
    unit = _random_tone(unit, rng)
    if rng.random() < SHADOW:
        unit = _shade(unit, rng)
    if rng.random() < HAZE:
        unit = _haze(unit, rng)
    unit = _random_sharpness(unit, rng)
    if rng.random() < NOISE:
        unit = unit + np.float32(rng.uniform(0.005, 0.04)) * rng.standard_normal(unit.shape, np.float32)
    if rng.random() < JPEG:
        unit = compress_like_jpeg(np.clip(unit, 0, 1), float(rng.uniform(25, 85)))
    return np.asarray(np.clip(unit, 0, 1) * 255 + 0.5, np.uint8)


def compress_like_jpeg(image: Float32Array, quality: float) -> Float32Array:
    """Simulate JPEG losses by rounding the cosine transform of 8 x 8 pixel blocks.

    All bands use the luminance table, scaled in the same way as by libjpeg (1998, ``jpeg_quality_scaling``).

    Args:
        image: (rows, cols, bands) in 0..1; rows and columns are multiples of 8.
        quality: 1 (worst) to 100.
    """
    rows, cols, bands = image.shape
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.clip(np.floor((JPEG_LUMINANCE * percent + 50) / 100), 1, 255)[..., None] / np.float32(255)
    blocks = image.reshape(rows // 8, 8, cols // 8, 8, bands).transpose(0, 2, 1, 3, 4)
    spectrum = fft.dctn(blocks - np.float32(0.5), axes=(2, 3), norm="ortho")
    lossy = fft.idctn(np.round(spectrum / table) * table, axes=(2, 3), norm="ortho") + np.float32(0.5)
    joined: Float32Array = lossy.transpose(0, 2, 1, 3, 4).reshape(image.shape).astype(np.float32)
    return joined


def _random_colour(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    if rng.random() < GREY:
        grey = image @ rng.dirichlet((2, 2, 2)).astype(np.float32)
        repeated: Float32Array = np.repeat(grey[..., None], 3, axis=-1)
        return repeated
    if rng.random() > COLOUR:
        return image
    angle, saturation = rng.uniform(-0.5, 0.5), rng.uniform(0.1, 1.8)
    cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], dtype=np.float32)
    return np.asarray(image @ (YIQ_TO_RGB @ turn @ RGB_TO_YIQ).T, np.float32)


def _random_tone(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    if rng.random() < TONE:
        image = _change_tone(image, rng, spread=0.3, shift=0.1, bands=1)
    if rng.random() < BANDS:
        # percentiles depend on the content of a scene, so the network must cope with slightly different bands
        image = _change_tone(image, rng, spread=0.15, shift=0.05, bands=image.shape[-1])
    if rng.random() < GAMMA:
        gamma = np.float32(np.exp(rng.uniform(-0.6, 0.6)))
        image = np.power(np.clip(image, 0, 1), gamma, dtype=np.float32)
    return image


def _change_tone(
    image: Float32Array, rng: np.random.Generator, *, spread: float, shift: float, bands: int
) -> Float32Array:
    """Change contrast around the mean, and brightness, for all bands together or for each band."""
    mean = image.mean(axis=(0, 1))
    contrast = np.exp(np.clip(rng.normal(0, spread, bands), -0.9, 0.9))
    brightness = rng.normal(0, shift, bands)
    changed: Float32Array = ((image - mean) * contrast + (mean + brightness)).astype(np.float32)
    return changed


def _haze(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Simulate haze: less contrast, with a bluish or warm white veil."""
    density = np.float32(rng.uniform(0.1, 0.45))
    colour = np.clip(rng.normal(0.75, 0.08, image.shape[-1]), 0, 1).astype(np.float32)
    hazy: Float32Array = image * (1 - density) + colour * density
    return hazy


def _random_sharpness(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    if rng.random() < BLUR:
        blur = float(rng.uniform(0.4, 1.6))
        image = ndimage.gaussian_filter(image, (blur, blur, 0), truncate=2.5)
    elif rng.random() < SHARPEN:
        soft = ndimage.gaussian_filter(image, (1.0, 1.0, 0), truncate=2.5)
        image = np.asarray(image + np.float32(rng.uniform(0.3, 1.2)) * (image - soft), np.float32)
    return image


def _shade(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Darken a stripe with soft edges, like the shadow of buildings, trees and clouds."""
    rows, cols = np.indices(image.shape[:2], dtype=np.float32)
    angle = rng.uniform(0, np.pi)
    across = rows * np.float32(np.cos(angle)) + cols * np.float32(np.sin(angle))
    middle, half, soft = rng.uniform(across.min(), across.max()), rng.uniform(4, 60), rng.uniform(0.5, 6)
    inside = np.clip((half - np.abs(across - np.float32(middle))) / np.float32(soft) + 0.5, 0, 1)
    shaded: Float32Array = image * (1 - inside * np.float32(rng.uniform(0.25, 0.65)))[..., None]
    return shaded

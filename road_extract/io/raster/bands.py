"""Chooses the bands of a scene for the model by what the file says about them, or by their order if it says nothing.

Descriptions take precedence because a writer has to set them, while colour interpretations are often a format default.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from road_extract.base.errors import InputError
from road_extract.io.raster.gdal_errors import ANY_ERRORS

#: Band names in the languages that cameras and archives use.
_WORDS = {
    "red": ("red", "r", "rot", "rouge", "rojo", "vermelho", "rosso"),
    "green": ("green", "g", "grün", "gruen", "vert", "verde"),
    "blue": ("blue", "b", "blau", "bleu", "azul", "blu"),
    "nir": ("nir", "near infrared", "nearinfrared", "near ir", "infrared", "nir08"),
}
#: Sentinel-2 and Landsat 8 and 9 share these numbers, but Landsat 4 to 7 differ; see `_numbered`.
_NUMBERS = {2: "blue", 3: "green", 4: "red"}
_NUMBERED = re.compile(r"(?:^|[\W_])b(?:and)?[ _]?0?(\d{1,2})a?(?:$|[ ,:;(-])")
#: Centre wavelengths in micrometres, and how far a band may deviate from them.
_WAVES_UM = {"red": 0.66, "green": 0.56, "blue": 0.48, "nir": 0.84}
_WAVE_SLACK_UM = 0.045
CATALOGUE = "names in the catalogue"


@dataclass(frozen=True, slots=True)
class BandChoice:
    """The bands for the model.

    Attributes:
        bands: Counted from 1.
        level: Logging level of the remark.
        remark: What was chosen and why; empty if there was nothing to choose.
    """

    bands: tuple[int, ...]
    level: int = logging.INFO
    remark: str = ""


def colours_of(dataset: Any) -> tuple[str, ...]:
    """Return the colour interpretation of each band; ``undefined`` if GDAL does not know it or rasterio has no name."""
    try:
        return tuple(colour.name for colour in dataset.colorinterp)
    except ANY_ERRORS:
        return ("undefined",) * int(dataset.count)


def choose_bands(
    dataset: Any,
    path: str,
    wanted: tuple[int, ...] | None,
    names: Sequence[str],
    known: Sequence[str] = (),
) -> BandChoice:
    """Choose the requested bands, otherwise those with the names of the model's bands, otherwise the first ones.

    Args:
        dataset: An open raster.
        path: For messages.
        wanted: Requested bands, counted from 1.
        names: Names of the model's bands, such as red, green, blue.
        known: Names of the scene's bands from a catalogue, if any.

    Raises:
        InputError: If the choice is ambiguous, or the model cannot use the values of a band.
    """
    choice = _asked(dataset, path, wanted, len(names)) if wanted else _found(dataset, path, names, known)
    for band in choice.bands:
        if dataset.dtypes[band - 1].startswith("complex"):
            raise InputError(f"{path}: band {band} contains complex numbers; choose other bands (--bands)")
    return choice


def _asked(dataset: Any, path: str, wanted: tuple[int, ...], count: int) -> BandChoice:
    if len(wanted) not in (1, count) or not all(1 <= band <= dataset.count for band in wanted):
        asked = ",".join(map(str, wanted))
        raise InputError(f"{path}: bands {asked} cannot be used; expected 1 or {count} bands from 1 to {dataset.count}")
    return BandChoice(wanted)


def _found(dataset: Any, path: str, names: Sequence[str], known: Sequence[str]) -> BandChoice:
    colours = colours_of(dataset)
    data = [band for band, colour in enumerate(colours, 1) if colour != "alpha"]
    if len(data) == 1:
        return BandChoice((data[0],))
    for labels, origin in _labellings(dataset, colours, known):
        if all(name in labels for name in names):
            return _named(labels, origin, names, colours)
    if len(data) not in (3, 4):
        first = ",".join(map(str, range(1, len(names) + 1)))
        raise InputError(
            f"{path}: has {len(data)} bands and does not say which are {', '.join(names)}; specify them, as in "
            f"--bands {first}"
        )
    if len(names) != 3:
        raise InputError(f"{path}: the model needs {', '.join(names)}; specify these bands (--bands)")
    some = any(name in labels for labels, _ in _labellings(dataset, colours, known) for name in (*names, "nir"))
    return _in_order(tuple(data[:3]), names, named=some)


def _named(labels: Sequence[str], origin: str, names: Sequence[str], colours: Sequence[str]) -> BandChoice:
    bands = tuple(labels.index(name) + 1 for name in names)
    text = f"bands {_spell(bands)} are taken as {', '.join(names)}, by their {origin}"
    if any(labels.count(name) > 1 for name in names):
        return BandChoice(
            bands, logging.WARNING, f"{text}; other bands have the same names, so check the choice (--bands)"
        )
    if origin != "colour interpretation" and _contradicts(bands, names, colours):
        return BandChoice(
            bands, logging.WARNING, f"{text}; their colour interpretation disagrees, so check the choice (--bands)"
        )
    plain = bands == tuple(range(1, len(names) + 1)) and origin == "colour interpretation"
    return BandChoice(bands, logging.INFO, "" if plain else text)


def _contradicts(bands: Sequence[int], names: Sequence[str], colours: Sequence[str]) -> bool:
    told = [colours[band - 1] for band in bands]
    return any(colour in names and colour != name for colour, name in zip(told, names, strict=True))


def _in_order(bands: tuple[int, ...], names: Sequence[str], *, named: bool) -> BandChoice:
    text = f"bands {_spell(bands)} are taken as {', '.join(names)}"
    hint = "the file names only some of its bands" if named else "the file does not name its bands"
    return BandChoice(
        bands, logging.WARNING if named else logging.INFO, f"{text}: {hint}; use --bands to choose others"
    )


def _labellings(dataset: Any, colours: Sequence[str], known: Sequence[str]) -> list[tuple[list[str], str]]:
    """Return the band names from every available source, the most reliable first."""
    found = [
        (_numbered([text or "" for text in known]), CATALOGUE),
        (_numbered([text or "" for text in dataset.descriptions]), "descriptions"),
        (list(colours), "colour interpretation"),
        (_by_wavelength(dataset), "wavelengths"),
    ]
    return [(labels, origin) for labels, origin in found if len(labels) == dataset.count]


def _numbered(texts: Sequence[str]) -> list[str]:
    """Convert band names to red, green, blue, nir, or an empty string.

    B2, B3 and B4 are blue, green and red, unless B1, B2 and B3 could be: if the sensor has no coastal band, or if the
    bands are simply numbered. Only a band beyond B7 rules that out.
    """
    words = [_by_word(text) for text in texts]
    numbers = [int(hit[1]) if (hit := _NUMBERED.search(text.strip().lower())) else 0 for text in texts]
    clear = 1 not in numbers or max(numbers, default=0) >= 8
    return [word or (_NUMBERS.get(number, "") if clear else "") for word, number in zip(words, numbers, strict=True)]


def _by_word(text: str) -> str:
    text = re.sub(r"[\W_]+", " ", text.lower()).strip()
    if "edge" in text or "pan" in text.split():
        return ""
    parts = set(text.split()) | {text, re.sub(r"^(band|channel|layer) ?\d* ?|^b ?\d+ ", "", text)}
    return next((name for name in ("nir", "red", "green", "blue") if not parts.isdisjoint(_WORDS[name])), "")


def _by_wavelength(dataset: Any) -> list[str]:
    waves = [_wavelength_um(dataset, band) for band in dataset.indexes]
    labels = [""] * len(waves)
    for name, centre in _WAVES_UM.items():
        away, place = min(((abs(wave - centre), place) for place, wave in enumerate(waves) if wave), default=(1.0, 0))
        if away <= _WAVE_SLACK_UM:
            labels[place] = name
    return labels


def _wavelength_um(dataset: Any, band: int) -> float | None:
    tags = {**dataset.tags(band), **dataset.tags(band, ns="IMAGERY")}
    text = next((value for key, value in tags.items() if key.upper() in ("WAVELENGTH", "CENTRAL_WAVELENGTH_UM")), "")
    try:
        value = float(text)
    except ValueError:
        return None
    return value / 1000 if value > 100 else value  # nanometres


def _spell(bands: Sequence[int]) -> str:
    return f"{', '.join(map(str, bands[:-1]))} and {bands[-1]}"

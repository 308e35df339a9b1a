"""The model specification: the JSON file next to the weights that describes a model's input and output."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from road_extract.base.errors import InputError

#: How pixels are scaled to 0..1 before mean and std are applied: 8-bit pixels as they are, or every scene between its
#: own percentiles; see `road_extract.prediction.preprocess.fit_scaling`.
NORMALIZATIONS = ("none", "percentiles")
#: Filters of encoder 1, 2, 3 and of the bridge, as published.
STANDARD_FILTERS = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How to prepare the input of a model and interpret its output.

    Attributes:
        name: Display name.
        bands: Meaning of each input band, in order.
        mean: Subtracted from pixels scaled to 0..1, per band.
        std: Divisor applied after that, per band.
        gsd_m: Ground sample distance of the training imagery, in metres.
        tile_size_px: Rows and columns of a tile.
        threshold: Minimum probability for a pixel to count as road, chosen on held-out locations.
        true_width: Whether the roads in the training masks had their true widths.
        normalization: One of `NORMALIZATIONS`. Models that do not specify it were trained without normalization.
        filters: Filters of encoder 1, 2, 3 and of the bridge.
        provenance: Data, recipe and scores: free text by key.
    """

    name: str
    bands: tuple[str, ...] = ("red", "green", "blue")
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.25, 0.25, 0.25)
    gsd_m: float = 1.0
    tile_size_px: int = 224
    threshold: float = 0.5
    true_width: bool = False
    normalization: str = "none"
    filters: tuple[int, ...] = STANDARD_FILTERS
    provenance: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        self._check_types()
        if not len(self.bands) == len(self.mean) == len(self.std) > 0:
            raise InputError(f"model spec: {len(self.bands)} bands, but {len(self.mean)} means, {len(self.std)} stds")
        if not all(std > 0 for std in self.std) or not self.gsd_m > 0:
            raise InputError("model spec: std and gsd_m must be above 0")
        if not 0 < self.threshold < 1:
            raise InputError(f"model spec: threshold is {self.threshold}, must be between 0 and 1")
        if self.tile_size_px < 8 or self.tile_size_px % 8:
            raise InputError(f"model spec: tile_size_px is {self.tile_size_px}, must be a multiple of 8")

    def _check_types(self) -> None:
        """Check types, since JSON can contain anything."""
        numbers: list[object] = [*self.mean, *self.std, self.gsd_m, self.threshold]
        if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):  # type: ignore[arg-type]
            raise InputError("model spec: mean, std, gsd_m and threshold must be numbers")
        kinds = [type(value) for value in (self.bands, self.tile_size_px)]
        if kinds != [tuple, int]:
            raise InputError("model spec: bands must be a list and tile_size_px an integer")
        if self.normalization not in NORMALIZATIONS:
            raise InputError(
                f"model spec: normalization is {self.normalization!r}, must be one of {', '.join(NORMALIZATIONS)}"
            )
        if not (type(self.filters) is tuple and len(self.filters) == 4 and all(type(n) is int for n in self.filters)):
            raise InputError("model spec: filters must be a list of four integers")
        if min(self.filters) < 1 or max(self.filters) > 4096:
            raise InputError(f"model spec: filters are {list(self.filters)}, must be between 1 and 4096")

    def to_json(self) -> str:
        """Format the spec as indented JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Parse a spec.

        Raises:
            InputError: If the text is not a JSON object, or a key is unknown, missing or of the wrong type.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"model spec: is not valid JSON ({error})") from error
        known = {f.name for f in fields(cls)}
        if not isinstance(values, dict) or not values.keys() <= known:
            raise InputError(f"model spec: expected a JSON object with keys among {sorted(known)}")
        try:
            arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
            return cls(**arguments)
        except TypeError as error:
            raise InputError(f"model spec: {error}") from error

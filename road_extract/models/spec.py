"""What a model needs to be fed and read rightly: the JSON beside its weights."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from road_extract.base.errors import InputError

#: How a scene's pixels are brought to 0..1 before mean and std: 8-bit pixels as they are, or every scene between
#: percentiles of its own, see `road_extract.prediction.preprocess.fit_scaling`.
NORMALIZATIONS = ("none", "percentiles")
#: Filters of encoder 1, 2, 3 and of the bridge, as published.
STANDARD_FILTERS = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How to feed a model and read its output.

    Attributes:
        name: For people.
        bands: What each input band is, in order.
        mean: Per band, subtracted from pixels scaled to 0..1.
        std: Per band, divided by after that.
        gsd_m: Ground sample distance of the training imagery, metres.
        tile_size_px: Rows and columns of a tile.
        threshold: Probability from which a pixel is road, chosen on held-out places.
        true_width: Whether the training masks carried the roads' true widths.
        normalization: One of `NORMALIZATIONS`; models that do not state it were trained without.
        filters: Filters of encoder 1, 2, 3 and of the bridge.
        provenance: Data, recipe, scores: free text by key.
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
        """JSON may hold anything."""
        numbers: list[object] = [*self.mean, *self.std, self.gsd_m, self.threshold]
        if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):  # type: ignore[arg-type]
            raise InputError("model spec: mean, std, gsd_m and threshold must be numbers")
        kinds = [type(value) for value in (self.bands, self.tile_size_px)]
        if kinds != [tuple, int]:
            raise InputError("model spec: bands must be a list, tile_size_px a whole number")
        if self.normalization not in NORMALIZATIONS:
            raise InputError(
                f"model spec: normalization is {self.normalization!r}, must be one of {', '.join(NORMALIZATIONS)}"
            )
        if not (type(self.filters) is tuple and len(self.filters) == 4 and all(type(n) is int for n in self.filters)):
            raise InputError("model spec: filters must be a list of four whole numbers")
        if min(self.filters) < 1 or max(self.filters) > 4096:
            raise InputError(f"model spec: filters are {list(self.filters)}, must be between 1 and 4096")

    def to_json(self) -> str:
        """The spec as indented JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read a spec.

        Raises:
            InputError: If the text is no JSON object, or a key is unknown, missing or of the wrong type.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"model spec: is no JSON ({error})") from error
        known = {f.name for f in fields(cls)}
        if not isinstance(values, dict) or not values.keys() <= known:
            raise InputError(f"model spec: expected a JSON object with keys among {sorted(known)}")
        try:
            arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
            return cls(**arguments)
        except TypeError as error:
            raise InputError(f"model spec: {error}") from error

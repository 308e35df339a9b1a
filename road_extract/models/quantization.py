"""The feature map ranges that 8-bit inference needs, measured on real tiles.

The ranges are stored in the model folder as ``int8.json``. The weights remain the only source of the network's numbers:
their 8-bit form is derived when the network is built.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.files import replacing
from road_extract.models.storage import INT8_FILE, WEIGHTS_FILE


@dataclass(frozen=True, slots=True)
class Int8Ranges:
    """The range of every feature map that is quantized to 8 bits.

    Attributes:
        weights_sha256: Hash of the weights for which the ranges were measured.
        made_by: Program that measured them.
        ranges: Minimum and maximum of each feature map, by node name.
    """

    weights_sha256: str
    made_by: str
    ranges: dict[str, tuple[float, float]]


def write_int8_ranges(model: Path, ranges: dict[str, tuple[float, float]], made_by: str) -> None:
    """Write ranges to a model folder."""
    content = Int8Ranges(_weights_hash(model), made_by, ranges)
    with replacing(model / INT8_FILE) as path:
        path.write_text(json.dumps(asdict(content), indent=1) + "\n", encoding="utf-8")


def read_int8_ranges(model: Path) -> Int8Ranges | None:
    """Read the ranges of a model folder, or None if it has none.

    Raises:
        InputError: If the ranges are damaged or belong to other weights.
    """
    path = model / INT8_FILE
    if not path.exists():
        return None
    try:
        content = Int8Ranges(**json.loads(path.read_text(encoding="utf-8")))
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in content.ranges.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"model {model}: {INT8_FILE} is damaged ({error}); delete or recreate it") from error
    if not all(math.isfinite(low) and math.isfinite(high) and low < high for low, high in ranges.values()):
        raise InputError(f"model {model}: {INT8_FILE} is damaged (a range is empty); delete or recreate it")
    if content.weights_sha256 != _weights_hash(model):
        raise InputError(f"model {model}: {INT8_FILE} belongs to other weights; delete or recreate it")
    return Int8Ranges(content.weights_sha256, content.made_by, ranges)


def _weights_hash(model: Path) -> str:
    return hashlib.sha256((model / WEIGHTS_FILE).read_bytes()).hexdigest()

"""Results of a comparison."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: In order of interest.
STATUSES = ("new", "missing", "matched")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two files.

    Attributes:
        length_km: Length of its lines in the area compared.
        left_out_km: Length of its lines outside that area.
        ignored: Number of geometries that are not lines.
    """

    length_km: float
    left_out_km: float
    ignored: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Result of a comparison.

    Attributes:
        path: The output.
        pieces: Number of pieces by status.
        length_km: Length of the pieces by status.
        roads: The road lines.
        existing: The map that they were compared with.
    """

    path: Path
    pieces: dict[str, int]
    length_km: dict[str, float]
    roads: Side
    existing: Side

    def to_values(self) -> dict[str, Any]:
        """The result as values for JSON."""
        return asdict(self) | {"path": str(self.path)}

    def to_text(self) -> str:
        """Format the result as a table."""
        meaning = {"new": "in ROADS only", "missing": "in EXISTING only", "matched": "of ROADS, in both"}
        rows = [
            f"{status:<9}{self.length_km[status]:12,.3f} km  {self.pieces[status]:9,} pieces  {meaning[status]}"
            for status in STATUSES
        ]
        for name, side in (("ROADS", self.roads), ("EXISTING", self.existing)):
            rows.append(f"{name:<9}{side.length_km:12,.3f} km compared, {side.left_out_km:,.3f} km outside the area")
        return "\n".join([*rows, f"road differences in {self.path}"])

"""What a comparison found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: In the order of interest.
STATUSES = ("new", "missing", "matched")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two files.

    Attributes:
        length_km: Of its lines in the area compared.
        left_out_km: Of its lines outside of it.
        ignored: Geometries that are no lines.
    """

    length_km: float
    left_out_km: float
    ignored: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What came out.

    Attributes:
        path: The pieces.
        pieces: How many of each status.
        length_km: Of each status.
        roads: The lines compared.
        existing: The map they were compared with.
    """

    path: Path
    pieces: dict[str, int]
    length_km: dict[str, float]
    roads: Side
    existing: Side

    def to_values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"path": str(self.path)}

    def to_text(self) -> str:
        """A table."""
        meaning = {"new": "in ROADS only", "missing": "in EXISTING only", "matched": "of ROADS, in both"}
        rows = [
            f"{status:<9}{self.length_km[status]:12,.3f} km  {self.pieces[status]:9,} pieces  {meaning[status]}"
            for status in STATUSES
        ]
        for name, side in (("ROADS", self.roads), ("EXISTING", self.existing)):
            rows.append(f"{name:<9}{side.length_km:12,.3f} km compared, {side.left_out_km:,.3f} km outside left out")
        return "\n".join([*rows, f"road differences in {self.path}"])

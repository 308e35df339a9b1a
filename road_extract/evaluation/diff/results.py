"""Results of a comparison."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from road_extract.base.arrays import Geometries, IntArray
from road_extract.base.features import Feature
from road_extract.conflation.joining import Join

#: In order of interest.
STATUSES = ("new", "doubtful", "missing", "matched")


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
class LineLayer:
    """Lines with the attributes of the features they come from.

    Attributes:
        lines: LineStrings, (n,).
        source: Index of the feature that each line comes from, (n,).
        fields: Names and types of the attributes.
        rows: Attributes of the features.
        side: Lengths and number of geometries that were used and left out.
    """

    lines: Geometries
    source: IntArray
    fields: dict[str, type]
    rows: list[dict[str, Any]]
    side: Side


@dataclass(frozen=True, slots=True)
class JoinedRoads:
    """How new roads join the map.

    Attributes:
        ways: Number of new ways.
        nodes: Number of new nodes.
        modified_ways: Number of ways of the map that get new nodes.
        length_km: Length of the new ways.
        ends: Number of ends of the new ways.
        free_ends: How many of them meet nothing, because there is nothing within reach.
        joins: Where the new ways meet the map.
        comment: A comment for the changeset.
    """

    ways: int
    nodes: int
    modified_ways: int
    length_km: float
    ends: int
    free_ends: int
    joins: tuple[Join, ...]
    comment: str

    def count(self, kind: str) -> int:
        """Number of joins of a kind, see `Join`."""
        return sum(join.kind == kind for join in self.joins)

    def to_values(self) -> dict[str, Any]:
        """The result as values for JSON: joins as their numbers."""
        values = asdict(self)
        values["joins"] = {kind: self.count(kind) for kind in ("node", "inserted", "beside")}
        return values

    def to_text(self) -> str:
        """Format the result."""
        beside = self.count("beside")
        rows = [
            f"{self.ways:,} new ways with {self.length_km:,.3f} km join the map at {self.count('node'):,} of its nodes "
            f"and at {self.count('inserted'):,} new nodes in {self.modified_ways:,} of its ways; "
            f"{self.free_ends:,} of {self.ends:,} ends are free",
        ]
        if beside:
            rows.append(f"{beside:,} joins lie on ways of the map but cannot be written into them: join them by hand")
        return "\n".join([*rows, f"suggested changeset comment: {self.comment}"])


@dataclass(frozen=True, slots=True)
class Difference:
    """Result of a comparison.

    Attributes:
        path: The output.
        pieces: Number of pieces by status.
        length_km: Length of the pieces by status.
        roads: The road lines.
        existing: The map that they were compared with.
        joined: How the new roads join the map, if they were written as changes to it.
    """

    path: Path
    pieces: dict[str, int]
    length_km: dict[str, float]
    roads: Side
    existing: Side
    joined: JoinedRoads | None = None

    def to_values(self) -> dict[str, Any]:
        """The result as values for JSON."""
        joined = None if self.joined is None else self.joined.to_values()
        return asdict(replace(self, joined=None)) | {"path": str(self.path), "joined": joined}

    def to_text(self) -> str:
        """Format the result as a table."""
        meaning = {
            "new": "in ROADS only",
            "doubtful": "in ROADS only, perhaps not a road",
            "missing": "in EXISTING only",
            "matched": "of ROADS, in both",
        }
        rows = [
            f"{status:<9}{self.length_km[status]:12,.3f} km  {self.pieces[status]:9,} pieces  {meaning[status]}"
            for status in STATUSES
        ]
        for name, side in (("ROADS", self.roads), ("EXISTING", self.existing)):
            rows.append(f"{name:<9}{side.length_km:12,.3f} km compared, {side.left_out_km:,.3f} km outside the area")
        if self.joined is not None:
            return "\n".join([*rows, self.joined.to_text(), f"changes to the map in {self.path}"])
        return "\n".join([*rows, f"road differences in {self.path}"])


def length_of(piece: Feature) -> float:
    """Length of a piece in metres."""
    return float(piece.properties["length_m"] or 0)

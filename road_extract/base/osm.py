"""OpenStreetMap objects as values (wiki.openstreetmap.org/wiki/Elements), and changes to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Values of the tag ``highway`` that are roads for vehicles (wiki.openstreetmap.org/wiki/Key:highway).
OSM_ROADS = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "service", "track", "road",
    "pedestrian", "busway",
)  # fmt: skip
#: Maximum number of nodes in a way, and of characters in a key or value (OpenStreetMap API 0.6).
MAX_WAY_NODES, MAX_TAG_LENGTH = 2000, 255
#: Keys of the tags that decide on which level a way is, and so which roads meet.
LEVEL_KEYS = ("layer", "bridge", "tunnel")
#: Coordinates are stored as multiples of this many degrees, about a centimetre.
UNITS_PER_DEGREE = 10_000_000


@dataclass(frozen=True, slots=True)
class OsmNode:
    """A node.

    Attributes:
        id: Negative if the server does not have it.
        lon: Longitude in degrees, -180 to 180.
        lat: Latitude in degrees.
        version: None if the file does not say.
        tags: Keys and values.
        changed: Whether an editor has changed it and not uploaded it yet (``action="modify"``).
    """

    id: int
    lon: float
    lat: float
    version: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False

    @property
    def can_be_named(self) -> bool:
        """Whether a file of changes can refer to it: only if it is new or its version is known."""
        return self.id < 0 or bool(self.version)


@dataclass(frozen=True, slots=True)
class OsmWay:
    """A way.

    Attributes:
        id: Negative if the server does not have it.
        refs: Ids of its nodes, in order; the file does not have to contain them.
        version: None if the file does not say.
        tags: Keys and values.
        changed: As in `OsmNode`.
    """

    id: int
    refs: tuple[int, ...]
    version: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False

    @property
    def can_be_named(self) -> bool:
        """As in `OsmNode`."""
        return self.id < 0 or bool(self.version)


@dataclass(frozen=True, slots=True)
class OsmArea:
    """A multipolygon relation.

    Attributes:
        tags: Its keys and values.
        ways: Ids of its member ways.
        version: None if the file does not say.
    """

    tags: Mapping[str, str]
    ways: tuple[int, ...]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class OsmMap:
    """Part of a map.

    Attributes:
        nodes: By id.
        ways: By id.
        areas: Multipolygons.
        has_ids: Whether the ids are those of OpenStreetMap; otherwise they only tell the objects apart.
        lowest_id: The lowest id of any object in the file, including objects that were left out; at most 0.
    """

    nodes: Mapping[int, OsmNode]
    ways: Mapping[int, OsmWay]
    areas: tuple[OsmArea, ...] = ()
    has_ids: bool = True
    lowest_id: int = 0

    def iter_runs(self, refs: Sequence[int]) -> Iterator[list[tuple[float, float]]]:
        """The parts of a way whose nodes the file contains, each with at least two distinct places.

        Args:
            refs: Ids of the nodes of the way.

        Yields:
            Longitude and latitude of each node of a part.
        """
        run: list[tuple[float, float]] = []
        for ref in (*refs, None):
            node = None if ref is None else self.nodes.get(ref)
            if node is not None:
                run.append((node.lon, node.lat))
                continue
            if len(set(run)) > 1:
                yield run
            run = []


@dataclass(frozen=True, slots=True)
class OsmChange:
    """Changes to a map.

    Attributes:
        nodes: New nodes, with negative ids.
        ways: New ways, with negative ids.
        modified: Existing ways with their new nodes.
        kept: Existing nodes that the ways refer to, unchanged.
    """

    nodes: tuple[OsmNode, ...]
    ways: tuple[OsmWay, ...]
    modified: tuple[OsmWay, ...]
    kept: tuple[OsmNode, ...]


def split_refs(refs: Sequence[int]) -> Iterator[Sequence[int]]:
    """Split the nodes of a way into parts that the API accepts. Each starts with the last node of the one before."""
    for start in range(0, len(refs) - 1, MAX_WAY_NODES - 1):
        yield refs[start : start + MAX_WAY_NODES]

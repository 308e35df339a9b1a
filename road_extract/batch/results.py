"""The results of a batch, as text for people and as values for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from road_extract.batch.records import FORMAT

#: Possible outcomes of a scene: processed in this run, kept from an earlier run, failed, or not reached.
STATES = ("done", "kept", "failed", "not finished")


@dataclass(slots=True)
class SceneResult:
    """The outcome of one scene.

    Attributes:
        name: Name of its outputs.
        input: Its location, without credentials.
        state: One of `STATES`.
        error: Why it failed.
        polygons: Number of polygons.
        lines: Number of lines.
        seconds: Working time in this run, summed over all processes.
    """

    name: str
    input: str
    state: str = "not finished"
    error: str = ""
    polygons: int = 0
    lines: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class BatchResult:
    """The outcome of a batch.

    Attributes:
        folder: Output folder, or its URL.
        scenes: Outcomes of the scenes, in the order of the inputs.
        merged: The layer over all scenes, if it was requested and written.
        error: What stopped the whole batch.
    """

    folder: str | Path
    scenes: list[SceneResult] = field(default_factory=list)
    merged: str | Path | None = None
    error: str = ""

    @property
    def complete(self) -> bool:
        """Whether all requested outputs exist."""
        return not self.error and all(scene.state in ("done", "kept") for scene in self.scenes)

    def count(self, state: str) -> int:
        """Count the scenes with a given outcome."""
        return sum(scene.state == state for scene in self.scenes)

    def to_values(self) -> dict[str, Any]:
        """Convert to JSON values."""
        return {
            "format": FORMAT,
            "complete": self.complete,
            "counts": {state: self.count(state) for state in STATES},
            "error": self.error or None,
            "merged": None if self.merged is None else str(self.merged),
            "scenes": [asdict(scene) | {"seconds": round(scene.seconds, 3)} for scene in self.scenes],
        }

    def to_text(self) -> str:
        """Format as a table with a summary line below it."""
        names = [len(scene.name) for scene in self.scenes]
        width = max([len("scene"), *names])
        lines = [f"{'scene':<{width}}  {'state':<12}  {'polygons':>9}  {'lines':>9}  {'seconds':>9}"]
        for scene in self.scenes:
            numbers = f"{scene.polygons:>9,}  {scene.lines:>9,}  {scene.seconds:>9,.1f}"
            lines.append(f"{scene.name:<{width}}  {scene.state:<12}  {scene.error or numbers}")
        counts = ", ".join(f"{self.count(state)} {state}" for state in STATES if self.count(state))
        lines.append(f"{counts or 'no scenes'}; in {self.folder}")
        if self.merged is not None:
            lines.append(f"all scenes in one layer: {self.merged}")
        return "\n".join(lines)

"""The layout of a batch, in a folder or in a bucket.

OUT/
  summary.json
  collection.json              the STAC Collection over all scenes
  NAME/                        one finished scene: complete, or absent
    NAME.gpkg ...              its roads
    NAME_probability.tif ...   other requested outputs
    NAME.stac.json             the STAC Item
    NAME.json                  the record; in a bucket, what is there without it is incomplete
  .road-extract/
    lock
    work/NAME/
      FINGERPRINT/0000.tif     finished shards
      ready-.../               will become OUT/NAME
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.files import to_json
from road_extract.batch.stores import Claim, ResultStore

_HIDDEN = ".road-extract"
_WORK = f"{_HIDDEN}/work"
_LOCK = f"{_HIDDEN}/lock"
_SUMMARY = "summary.json"
_COLLECTION = "collection.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of one batch's files.

    Attributes:
        store: Where they are.
    """

    store: ResultStore

    def create(self) -> None:
        """Create the store, or check that it belongs to a batch.

        Raises:
            InputError: If it contains anything else.
            OutputError: If it cannot be created.
        """
        self.store.create(_HIDDEN)

    @contextmanager
    def claim(self, *, shared: bool = False) -> Iterator[Claim]:
        """Keep other runs away; see `ResultStore.claim`."""
        with self.store.claim(_LOCK, shared=shared) as claim:
            yield claim

    def check_name(self, name: str) -> None:
        """Check that the name of a scene does not clash with the batch's own files.

        Raises:
            InputError: If the name is reserved.
        """
        if name.casefold() in (_SUMMARY, _COLLECTION, _HIDDEN):
            raise InputError(f"{name}: this name is reserved for files of the batch; rename the scene")

    def file(self, name: str, suffix: str) -> str:
        """A file of a finished scene."""
        return f"{name}/{name}{suffix}"

    def read_json(self, name: str, suffix: str = ".json") -> dict[str, Any]:
        """A document of a finished scene, by default its record; empty if there is none that can be read."""
        return read_json(self.store, self.file(name, suffix))

    def shard(self, name: str, fingerprint: str, index: int) -> str:
        """A finished shard."""
        return f"{_WORK}/{name}/{fingerprint}/{index:04}.tif"

    def ready(self, name: str) -> str:
        """Where each attempt to finish a scene has its own folder: the beginning of that folder's name."""
        return f"{_WORK}/{name}/ready"

    def begin(self, name: str, fingerprint: str) -> None:
        """Remove leftovers of earlier runs on a scene, except for finished shards."""
        self.store.delete(f"{_WORK}/{name}", keep=fingerprint)

    def publish(self, name: str, folder: str, item: dict[str, Any], record: dict[str, Any]) -> None:
        """Move a complete folder to its final place as a finished scene, replacing an older result."""
        documents = {f"{name}.stac.json": item, f"{name}.json": record}
        self.store.publish(folder, name, {file: to_json(values).encode() for file, values in documents.items()})
        self.forget(name)

    def forget(self, name: str) -> None:
        """Remove the unfinished work of a scene."""
        self.store.delete(f"{_WORK}/{name}")

    def write_summary(self, values: dict[str, Any]) -> None:
        """Write the summary of all scenes."""
        self.store.write(_SUMMARY, to_json(values).encode())

    def write_collection(self, values: dict[str, Any]) -> None:
        """Write the STAC Collection over all scenes."""
        self.store.write(_COLLECTION, to_json(values).encode())

    @property
    def merging(self) -> str:
        """A folder for the rasters of a merge."""
        return f"{_HIDDEN}/merge"


def read_json(store: ResultStore, name: str) -> dict[str, Any]:
    """A document; empty if there is none that can be read."""
    try:
        values = json.loads(store.read(name) or b"{}")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}

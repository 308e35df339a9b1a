"""The folder layout of a batch.

DIR/
  summary.json
  collection.json              the STAC Collection over all scenes
  NAME/                        one finished scene: complete, or absent
    NAME.gpkg ...              its roads
    NAME_probability.tif ...   other requested outputs
    NAME.json                  the record
    NAME.stac.json             the STAC Item
  .road-extract/
    lock
    work/NAME/
      FINGERPRINT/0000.tif     finished shards
      ready-.../               will become DIR/NAME
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, OutputError

_HIDDEN = ".road-extract"
_SUMMARY = "summary.json"
_COLLECTION = "collection.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one batch.

    Attributes:
        root: The output folder given by the user.
    """

    root: Path

    @property
    def summary(self) -> Path:
        """The summary of all scenes."""
        return self.root / _SUMMARY

    @property
    def collection(self) -> Path:
        """The STAC Collection over all scenes."""
        return self.root / _COLLECTION

    def item(self, name: str) -> Path:
        """Return the path of a scene's STAC Item."""
        return self.root / name / f"{name}.stac.json"

    @property
    def lock(self) -> Path:
        """The lock file; see `locked`."""
        return self.root / _HIDDEN / "lock"

    @property
    def work(self) -> Path:
        """The folder for unfinished work."""
        return self.root / _HIDDEN / "work"

    def scene(self, name: str) -> Path:
        """Return the folder of a finished scene."""
        return self.root / name

    def record(self, name: str) -> Path:
        """Return the path of a scene's record."""
        return self.root / name / f"{name}.json"

    def place(self, name: str) -> Path:
        """Return the folder of an unfinished scene."""
        return self.work / name

    def shards(self, name: str, fingerprint: str) -> Path:
        """Return the folder of a scene's finished shards."""
        return self.work / name / fingerprint

    def shard(self, name: str, fingerprint: str, index: int) -> Path:
        """Return the path of a finished shard."""
        return self.shards(name, fingerprint) / f"{index:04}.tif"

    def create(self) -> None:
        """Create the folder, or check that it belongs to a batch.

        Raises:
            InputError: If it contains anything else.
            OutputError: If it cannot be created.
        """
        try:
            if self.root.exists() and not self.lock.parent.is_dir() and any(self.root.iterdir()):
                raise InputError(f"{self.root}: contains files not created by a batch; choose a new or empty folder")
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.root}: cannot be used as a folder ({error.strerror}); choose another") from error

    def check_name(self, name: str) -> None:
        """Check that the name of a scene does not clash with the batch's own files.

        Raises:
            InputError: If the name is reserved.
        """
        if name.casefold() in (_SUMMARY, _COLLECTION, _HIDDEN):
            raise InputError(f"{name}: this name is reserved for files of the batch; rename the scene")

    def begin(self, name: str, fingerprint: str) -> None:
        """Create the folder for a scene's shards, and remove leftovers of earlier runs except for finished shards."""
        shards = self.shards(name, fingerprint)
        shards.mkdir(parents=True, exist_ok=True)
        for path in self.work.joinpath(name).iterdir():
            if path != shards:
                shutil.rmtree(path, ignore_errors=True)
        for path in shards.glob(".*"):  # partly written
            path.unlink(missing_ok=True)

    def publish(self, name: str, folder: Path) -> None:
        """Move a complete folder to its final place as a finished scene, replacing an older result."""
        old = self.work / name / "old"
        try:
            if self.scene(name).exists():
                shutil.rmtree(old, ignore_errors=True)
                os.replace(self.scene(name), old)
            os.replace(folder, self.scene(name))
        except OSError as error:
            raise OutputError(f"{self.scene(name)}: cannot be written ({error.strerror})") from error
        self.forget(name)

    def forget(self, name: str) -> None:
        """Remove the unfinished work of a scene."""
        shutil.rmtree(self.work / name, ignore_errors=True)

    def tidy(self) -> None:
        """Remove the folder for unfinished work if it is empty."""
        try:
            self.work.rmdir()
        except OSError:
            return

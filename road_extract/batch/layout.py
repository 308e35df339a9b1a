"""Where everything of a batch lies.

DIR/
  summary.json
  NAME/                        of a finished scene, whole or not there
    NAME.gpkg ...              its roads
    NAME_probability.tif ...   what else was asked for
    NAME.json                  the record
    NAME.stac.json             the STAC Item
  .road-extract/
    lock
    work/NAME/
      FINGERPRINT/0000.tif     finished shards
      ready-.../               becomes DIR/NAME
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, OutputError

_HIDDEN = ".road-extract"
_SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one batch.

    Attributes:
        root: The folder that the user named.
    """

    root: Path

    @property
    def summary(self) -> Path:
        """What became of all scenes."""
        return self.root / _SUMMARY

    @property
    def lock(self) -> Path:
        """See `locked`."""
        return self.root / _HIDDEN / "lock"

    @property
    def work(self) -> Path:
        """Where all is that is not finished."""
        return self.root / _HIDDEN / "work"

    def scene(self, name: str) -> Path:
        """A finished scene."""
        return self.root / name

    def record(self, name: str) -> Path:
        """Its record."""
        return self.root / name / f"{name}.json"

    def place(self, name: str) -> Path:
        """Where a scene is that is not finished."""
        return self.work / name

    def shards(self, name: str, fingerprint: str) -> Path:
        """The folder of a scene's finished shards."""
        return self.work / name / fingerprint

    def shard(self, name: str, fingerprint: str, index: int) -> Path:
        """A finished shard."""
        return self.shards(name, fingerprint) / f"{index:04}.tif"

    def create(self) -> None:
        """Make the folder, or see that it is a batch's.

        Raises:
            InputError: If it holds anything else.
            OutputError: If it cannot be made.
        """
        try:
            if self.root.exists() and not self.lock.parent.is_dir() and any(self.root.iterdir()):
                raise InputError(f"{self.root}: holds files that are no batch's; choose a new or empty folder")
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.root}: cannot be used as a folder ({error.strerror}); choose another") from error

    def check_name(self, name: str) -> None:
        """Names of scenes stand beside other things.

        Raises:
            InputError: If one is taken.
        """
        if name.casefold() in (_SUMMARY, _HIDDEN):
            raise InputError(f"{name}: is a name that batches need themselves; rename the scene")

    def begin(self, name: str, fingerprint: str) -> None:
        """Make a scene's folder of shards; what an earlier run left of it, but for its finished shards, goes."""
        shards = self.shards(name, fingerprint)
        shards.mkdir(parents=True, exist_ok=True)
        for path in self.work.joinpath(name).iterdir():
            if path != shards:
                shutil.rmtree(path, ignore_errors=True)
        for path in shards.glob(".*"):  # half-written
            path.unlink(missing_ok=True)

    def publish(self, name: str, folder: Path) -> None:
        """Let a scene appear, as a whole: a folder that becomes its own; an older one of the same name goes."""
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
        """Remove what is unfinished of a scene."""
        shutil.rmtree(self.work / name, ignore_errors=True)

    def tidy(self) -> None:
        """Remove the folder of unfinished work, if nothing is in it."""
        try:
            self.work.rmdir()
        except OSError:
            return

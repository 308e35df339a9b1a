"""A store in a folder of a file system that all workers share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import remove_leftovers, replacing
from road_extract.batch.stores.lock import Locked, locked
from road_extract.io.raster import gdal_session, read_tags

#: Tag of a raster's file: the mark with which it was written.
SHARD_TAG = "ROAD_EXTRACT_SHARD"


def is_shard(path: Path, fingerprint: str) -> bool:
    """Whether a file is a shard with this fingerprint. A file of that name is always complete."""
    try:
        return path.is_file() and read_tags(str(path)).get(SHARD_TAG) == fingerprint
    except InputError:
        return False


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A `ResultStore` in a folder. A file is renamed when it is complete.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def room(self) -> Path | None:
        """See `ResultStore`."""
        return self.root

    def shown(self, name: str = "") -> str:
        """See `ResultStore`."""
        return str(self.root / name)

    def create(self, marker: str) -> None:
        """See `ResultStore`."""
        try:
            if self.root.exists() and not (self.root / marker).is_dir() and any(self.root.iterdir()):
                raise InputError(f"{self.root}: contains files not created by a batch; choose a new or empty folder")
            (self.root / marker).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.root}: cannot be used as a folder ({error.strerror}); choose another") from error

    @contextmanager
    def claim(self, name: str, *, shared: bool = False) -> Iterator[Locked]:
        """See `ResultStore`."""
        with locked(self.root / name, self.root, shared=shared) as lock:
            yield lock

    def sizes(self, folder: str) -> dict[str, int]:
        """See `ResultStore`."""
        try:
            return {entry.name: entry.stat().st_size for entry in os.scandir(self.root / folder) if entry.is_file()}
        except OSError:
            return {}

    def marked(self, names: Sequence[str], mark: str) -> list[bool]:
        """See `ResultStore`."""
        with gdal_session():
            return [is_shard(self.root / name, mark) for name in names]

    def read(self, name: str) -> bytes | None:
        """See `ResultStore`."""
        try:
            return (self.root / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `ResultStore`."""
        remove_leftovers(self.root / name)
        with replacing(self.root / name) as temp:
            temp.write_bytes(data)

    @contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """See `ResultStore`."""
        yield [self.root / name for name in names]

    @contextmanager
    def writing(self, name: str, mark: str) -> Iterator[Path]:
        """See `ResultStore`. Rasters are written completely or not at all, and contain their mark."""
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be created ({error.strerror})") from error
        yield path

    @contextmanager
    def filling(self, folder: str) -> Iterator[Path]:
        """See `ResultStore`."""
        path = self.root / folder
        path.mkdir()
        try:
            yield path
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # the disk may be full
            raise

    def publish(self, folder: str, to: str, documents: Mapping[str, bytes]) -> None:
        """See `ResultStore`."""
        for name, data in documents.items():
            self.write(f"{folder}/{name}", data)
        source, target = self.root / folder, self.root / to
        old = source.parent / "old"
        try:
            if target.exists():
                shutil.rmtree(old, ignore_errors=True)
                os.replace(target, old)
            os.replace(source, target)
        except OSError as error:
            raise OutputError(f"{target}: cannot be written ({error.strerror})") from error

    def delete(self, folder: str, keep: str = "") -> None:
        """See `ResultStore`."""
        path = self.root / folder
        if not keep:
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.parent.rmdir()  # unless there is more in it
            return
        (path / keep).mkdir(parents=True, exist_ok=True)
        for part in path.iterdir():
            if part.name != keep:
                shutil.rmtree(part, ignore_errors=True)
        for part in (path / keep).glob(".*"):  # partly written
            part.unlink(missing_ok=True)

    @contextmanager
    def scratch(self, folder: str) -> Iterator[Path]:
        """See `ResultStore`."""
        try:
            yield self.root / folder
        finally:
            shutil.rmtree(self.root / folder, ignore_errors=True)

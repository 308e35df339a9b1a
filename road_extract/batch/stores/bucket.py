"""A store in a bucket: S3, Google Cloud Storage or Azure Blob Storage. Workers need not share anything else.

Buckets have no folders and no renaming. A folder of results is complete once the last of its documents is there, which
is why that one is deleted first and written last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, RoadExtractError
from road_extract.base.files import temporary_folder
from road_extract.batch.stores.protocol import Claim
from road_extract.io.objects import Bucket, hold_lease, wait_for_end
from road_extract.io.objects.bucket import temp_suffix


@dataclass(frozen=True, slots=True)
class BucketStore:
    """A `ResultStore` in a bucket. Work on files happens in a temporary folder of each machine.

    Attributes:
        bucket: The bucket, and the prefix in it.
    """

    bucket: Bucket

    @property
    def room(self) -> Path | None:
        """See `ResultStore`."""
        return None

    def shown(self, name: str = "") -> str:
        """See `ResultStore`."""
        return self.bucket.shown(name)

    def create(self, marker: str) -> None:
        """See `ResultStore`."""
        self.bucket.check_writable(f"{marker}/probe-{temp_suffix()}")
        if not self.bucket.list_folder(marker) and (found := self.bucket.list_folder("")):
            raise InputError(
                f"{self.shown()}: contains objects not created by a batch, such as {min(found)}; choose another prefix"
            )

    @contextmanager
    def claim(self, name: str, *, shared: bool = False) -> Iterator[Claim]:
        """See `ResultStore`. Each side first writes its own lease, and then looks for those of the other side."""
        others = f"{name}.shared"
        if shared:
            own = f"{others}/{temp_suffix()}"
            try:
                with hold_lease(self.bucket, own, self.shown()) as lease:
                    wait_for_end(self.bucket, name, self.shown())
                    yield lease
            finally:
                self.bucket.delete([own])
            return
        with hold_lease(self.bucket, name, self.shown()) as lease:
            for other in self.bucket.list_all(others):
                wait_for_end(self.bucket, other, self.shown())
                self.bucket.delete([other])
            yield lease

    def sizes(self, folder: str) -> dict[str, int]:
        """See `ResultStore`."""
        return self.bucket.list_folder(folder)

    def marked(self, names: Sequence[str], mark: str) -> list[bool]:
        """See `ResultStore`. Only objects in a listing are examined more closely."""
        found = {f"{folder}/{name}" for folder in {_folder(name) for name in names} for name in self.sizes(folder)}
        there = [name for name in names if name in found]
        marks: dict[str, str] = dict(zip(there, self.bucket.marks(there), strict=True))
        return [marks.get(name) == mark for name in names]

    def read(self, name: str) -> bytes | None:
        """See `ResultStore`."""
        found = self.bucket.read(name)
        return None if found is None else found.data

    def write(self, name: str, data: bytes) -> None:
        """See `ResultStore`."""
        self.bucket.write(name, data)

    @contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """See `ResultStore`."""
        with temporary_folder() as folder:
            paths = [folder / f"{number}-{name.rpartition('/')[2]}" for number, name in enumerate(names)]
            self.bucket.download_all(dict(zip(names, paths, strict=True)))
            yield paths

    @contextmanager
    def writing(self, name: str, mark: str) -> Iterator[Path]:
        """See `ResultStore`."""
        with temporary_folder() as folder:
            path = folder / name.rpartition("/")[2]
            yield path
            self.bucket.upload(path, name, mark)

    @contextmanager
    def filling(self, folder: str) -> Iterator[Path]:
        """See `ResultStore`."""
        with temporary_folder() as path:
            yield path
            try:
                for file in sorted(path.iterdir()):
                    self.bucket.upload(file, f"{folder}/{file.name}")
            except RoadExtractError:
                self._forget(folder)
                raise

    def publish(self, folder: str, to: str, documents: Mapping[str, bytes]) -> None:
        """See `ResultStore`."""
        sizes, old = self.sizes(folder), self.sizes(to)
        last = list(documents)[-1]
        if last in old:
            self.bucket.delete([f"{to}/{last}"])
        for name, size in sizes.items():
            self.bucket.copy(f"{folder}/{name}", f"{to}/{name}", size)
        self.bucket.delete(f"{to}/{name}" for name in old if name not in sizes and name not in documents)
        for name, data in documents.items():
            self.write(f"{to}/{name}", data)

    def delete(self, folder: str, keep: str = "") -> None:
        """See `ResultStore`."""
        self.bucket.delete(
            name for name in self.bucket.list_all(folder) if not keep or not name.startswith(f"{folder}/{keep}/")
        )

    def _forget(self, folder: str) -> None:
        try:
            self.delete(folder)
        except RoadExtractError:  # the next run removes it
            return

    @contextmanager
    def scratch(self, folder: str) -> Iterator[Path]:
        """See `ResultStore`."""
        with temporary_folder() as path:
            yield path / folder.rpartition("/")[2]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]

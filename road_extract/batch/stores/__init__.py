"""Where a batch keeps its work and its results: a folder, or a prefix of a bucket, behind one protocol.

Nothing here depends on scenes or shards; `batch.layout` decides what is stored under which name.
"""

from __future__ import annotations

from pathlib import Path

from road_extract.base.urls import is_url
from road_extract.batch.stores.bucket import BucketStore
from road_extract.batch.stores.folder import FolderStore
from road_extract.batch.stores.protocol import Claim, ResultStore
from road_extract.io.objects import Bucket

__all__ = ["Claim", "ResultStore", "open_store", "split_location"]


def open_store(location: str | Path) -> ResultStore:
    """The store at a location: a path or a URL. Nothing is read or written yet.

    Raises:
        InputError: If it is a URL, but not of a bucket.
    """
    if is_url(str(location)):
        return BucketStore(Bucket.at(str(location)))
    return FolderStore(Path(location).absolute())  # workers may run in another folder


def split_location(location: str | Path) -> tuple[ResultStore, str]:
    """The store that a file is in, and its name there.

    Raises:
        InputError: If it is a URL, but not of an object in a bucket.
    """
    folder, _, name = str(location).rpartition("/") if is_url(str(location)) else ("", "", "")
    return (open_store(folder), name) if folder else (open_store(Path(location).parent), Path(location).name)

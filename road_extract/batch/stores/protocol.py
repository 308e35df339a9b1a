"""The store protocol: a tree of whole files, with names relative to its root, such as ``town/town.gpkg``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Claim(Protocol):
    """The right of a run to use a store, alone or with others."""

    def check(self) -> None:
        """Make sure that the run still holds the claim.

        Raises:
            OutputError: If another run has taken it over.
        """
        ...


class ResultStore(Protocol):
    """Keeps the files of a batch. It is sent to workers, and contains no credentials.

    A file appears completely or not at all. All methods raise `OutputError` if the store cannot be used.
    """

    @property
    def room(self) -> Path | None:
        """The folder on this machine in which all files are kept; None if they are kept elsewhere."""
        ...

    def shown(self, name: str = "") -> str:
        """The location of a file, for messages."""
        ...

    def create(self, marker: str) -> None:
        """Create the store.

        Args:
            marker: A folder that every batch has.

        Raises:
            InputError: If the place contains files but not that folder: it belongs to something else.
        """
        ...

    def claim(self, name: str, *, shared: bool = False) -> AbstractContextManager[Claim]:
        """Keep other runs away while a block runs. The claim ends with this process, however it ends.

        Args:
            name: Of the file that stands for the claim.
            shared: Allow other shared claims.

        Raises:
            InputError: If another run has it.
        """
        ...

    def sizes(self, folder: str) -> dict[str, int]:
        """Sizes in bytes of the files directly in a folder, by name; none if there is no such folder."""
        ...

    def marked(self, names: Sequence[str], mark: str) -> list[bool]:
        """Whether each file exists and was written with this mark."""
        ...

    def read(self, name: str) -> bytes | None:
        """Read a small file; None if there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        ...

    def reading(self, names: Sequence[str]) -> AbstractContextManager[list[Path]]:
        """Files on this machine with the same content as these, while the block runs."""
        ...

    def writing(self, name: str, mark: str) -> AbstractContextManager[Path]:
        """A path to write to; the file appears in the store when the block ends without an error.

        Args:
            name: Of the file.
            mark: What `marked` looks for. A raster must have it in its tag `SHARD_TAG`.
        """
        ...

    def filling(self, folder: str) -> AbstractContextManager[Path]:
        """A new folder on this machine, whose files are in this folder of the store when the block ends."""
        ...

    def publish(self, folder: str, to: str, documents: Mapping[str, bytes]) -> None:
        """Move a filled folder to its final place, with further small files, and replace what was there.

        Args:
            folder: See `filling`.
            to: Its final place.
            documents: Further files, by name. Whoever sees the last of them sees all files.
        """
        ...

    def delete(self, folder: str, keep: str = "") -> None:
        """Delete a folder and what is in it.

        Args:
            folder: To delete.
            keep: A folder in it to keep, except for partly written files there.
        """
        ...

    def scratch(self, folder: str) -> AbstractContextManager[Path]:
        """A name for a folder on this machine, which is removed after the block."""
        ...

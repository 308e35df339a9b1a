"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from road_extract.base.errors import InputError, OutputError

_SPACE_NUMBERS = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}
_SPACE_WORDS = re.compile(
    r"(?i)no space|disk|quota|too large|reached the file|i/o (error|failure)|no such table: rtree|short write"
    r"|writ(e|ing) (error|failed)|fail\w* (to )?writ|fwrite|WriteEncoded|WriteScanline|could not flush|cannot flush"
)
#: The stem of a name by `temp_name`, with that of its target.
_TEMPORARY = re.compile(r"\.(.+)\.tmp-\d+-[0-9a-f]{8}")
#: Files that drivers leave beside a file, and would mistake for parts of a new one.
_COMPANIONS = ("-wal", "-shm", "-journal", ".aux.xml", ".msk", ".ovr")


def check_outputs(outputs: Iterable[Path], inputs: Iterable[str | Path], overwrite: bool) -> None:
    """Check before any work that all outputs can be written, and that no two are the same and none is an input.

    Raises:
        InputError: If an output exists and may not be overwritten, or is a folder, an input or another output.
        OutputError: If a folder is missing or cannot be written to.
    """
    outputs = list(outputs)
    for path in outputs:
        check_output(path, overwrite)
    names = [os.path.realpath(path) for path in outputs]
    if len(set(names)) < len(names):
        raise InputError("two outputs have the same name; give each its own")
    for given in inputs:
        if os.path.realpath(given) in names:
            raise InputError(f"{given}: is both an input and an output; choose another name for the output")


def check_output(path: Path, overwrite: bool) -> None:
    """Check before any work that an output can be written.

    Raises:
        InputError: If it exists and may not be overwritten, or is a folder.
        OutputError: If its folder is missing or cannot be written to.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a file name")
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{path}: already exists; choose another name or allow overwriting (--overwrite)")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: its folder {folder} does not exist; create it first")
    probe = temp_name(path)
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot write to {folder} ({error.strerror}); choose another folder") from error


def temp_name(path: Path) -> Path:
    """A name beside the target, with its suffix, that no other run uses.

    The temporary file of a temporary file is named after the target of both, so that `remove_leftovers` finds it.
    """
    temporary = _TEMPORARY.fullmatch(path.stem)
    target = path.stem if temporary is None else temporary[1]
    return path.with_name(f".{target}.tmp-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write to a temporary file beside the target, and rename it at the end; it is removed if anything goes wrong.

    Files that drivers put beside it (``-journal``, ``.aux.xml``, ...) are removed as well.

    Raises:
        OutputError: If it cannot be renamed. Errors of the block are not changed.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    temp = temp_name(path)
    try:
        yield temp
        _move(temp, path)
    finally:
        for leftover in temp.parent.glob(f"{glob.escape(temp.stem)}*"):
            leftover.unlink(missing_ok=True)


def space_advice(path: Path, error: BaseException) -> str:
    """What to do about an error of writing, if the disk is its cause: drivers tell by their words alone."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    numbers = {getattr(part, "errno", None) for part in chain}
    if numbers & _SPACE_NUMBERS or any(_SPACE_WORDS.search(str(part)) for part in chain):
        return f"; free space in {path.parent} or choose another folder"
    return ""


@contextmanager
def replacing_text(path: Path) -> Iterator[TextIO]:
    """Write UTF-8 text, completely or not at all; lines end as on Unix.

    Raises:
        OutputError: If the file cannot be written.
    """
    try:
        with replacing(path) as temp, temp.open("w", encoding="utf-8", newline="\n") as file:
            yield file
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        advice = space_advice(path, error)
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}){advice}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text as `replacing_text` does, with its errors."""
    with replacing_text(path) as file:
        file.write(text)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write values as JSON, completely or not at all.

    Raises:
        OutputError: If the file cannot be written.
    """
    with replacing(path) as temp:
        temp.write_text(to_json(values), encoding="utf-8")


def to_json(values: dict[str, Any]) -> str:
    """Indented JSON."""
    return json.dumps(values, indent=2) + "\n"


def _move(temp: Path, path: Path) -> None:
    try:
        with temp.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temp, path)
        for suffix in _COMPANIONS:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed runs have left for this file. Nobody else may be writing it."""
    for leftover in path.parent.glob(f".{glob.escape(path.stem)}.tmp-*"):
        leftover.unlink(missing_ok=True)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``, which is always removed."""
    temp = temp_name(path)
    try:
        yield temp
    finally:
        temp.unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in the system's folder for temporary files, which is removed after the block with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="road-extract-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)

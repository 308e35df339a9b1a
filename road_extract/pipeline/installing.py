"""Lists, checks and installs models. Nothing in a model is executed: it consists of numbers and JSON.

An archive is never unpacked. Only the files of a model are read from it, by their names, so no path in it matters.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import temp_name, to_json
from road_extract.io.allowed import check_link
from road_extract.io.fetching import is_http, read_bytes
from road_extract.models import (
    INT8_FILE,
    SHIPPED_MODELS,
    SPEC_FILE,
    WEIGHTS_FILE,
    check_model,
    find_model,
    installed_models,
    model_hash,
    model_item,
    models_folder,
    read_spec,
    shipped_model,
)
from road_extract.pipeline.setup import PathLike

#: Name of a model's STAC Item in its folder.
ITEM_FILE = "item.json"
#: Largest model, as an archive and unpacked.
MAX_BYTES = 2**30
_FILES = (WEIGHTS_FILE, SPEC_FILE, INT8_FILE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that `--model` takes by its name.

    Attributes:
        name: The name.
        folder: Its folder.
        sha256: Hash of its files; empty if it is damaged.
        title: Name in its spec; for a damaged model, what is wrong with it.
        gsd_m: Ground sample distance that it was trained for, in metres; 0 if it is damaged.
    """

    name: str
    folder: Path
    sha256: str
    title: str
    gsd_m: float


def list_models() -> list[ModelInfo]:
    """List the models that come with the package and those that the user installed."""
    return [_info(name, find_model(name)) for name in (*SHIPPED_MODELS, *installed_models())]


def verify_model(model: PathLike) -> ModelInfo:
    """Check a model completely: its spec, all its weights, and the hashes in its STAC Item if it has one.

    Args:
        model: Name or folder.

    Raises:
        InputError: If anything is wrong with it.
    """
    folder = find_model(model)
    spec = check_model(folder)
    if (folder / ITEM_FILE).is_file():
        assets = _assets(_read_json(str(folder / ITEM_FILE), (folder / ITEM_FILE).read_bytes()), str(folder))
        for name, asset in assets.items():
            _check_asset(name, (folder / name).read_bytes() if (folder / name).is_file() else b"", asset)
    return ModelInfo(str(model), folder, model_hash(folder), spec.name, spec.gsd_m)


def describe_model(model: PathLike | None = None) -> dict[str, Any]:
    """Describe a model as a STAC Item with the MLM extension.

    Args:
        model: Name or folder; None for the default.

    Raises:
        InputError: If it is not a model.
    """
    return model_item(shipped_model() if model is None else find_model(model))


def install_model(
    source: PathLike, *, name: str | None = None, sha256: str | None = None, overwrite: bool = False
) -> ModelInfo:
    """Install a model into the user's folder, so that `--model` finds it by its name.

    Args:
        source: A model folder, an archive of one (``.zip``, ``.tar``, ``.tar.gz``), its STAC MLM Item (``.json``), or
            the URL of an archive or Item.
        name: Name to give it; by default that of its spec.
        sha256: Hash that the archive or Item must have; required for the URL of an archive.
        overwrite: Replace an installed model of that name.

    Raises:
        InputError: If the source is not a model, a hash differs, or the name is taken.
        OutputError: If it cannot be written.
    """
    found = _read_source(str(source), sha256)
    base = models_folder()
    try:
        base.mkdir(parents=True, exist_ok=True)
        temp = temp_name(base / "model")
        temp.mkdir()
    except OSError as error:
        raise OutputError(f"{base}: cannot be written ({error.strerror})") from error
    try:
        for file, data in found.items():
            (temp / file).write_bytes(data)
        chosen = name or read_spec(temp).name
        check_model(temp)
        (temp / ITEM_FILE).write_text(to_json(model_item(temp)), encoding="utf-8")
        _publish(temp, base / _checked_name(chosen), overwrite)
        return _info(chosen, base / chosen)
    except InputError as error:
        raise InputError(str(error).replace(f"model {temp}", str(source))) from error
    except OSError as error:
        raise OutputError(f"{base}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in SHIPPED_MODELS:
        raise InputError(f"{name!r} cannot be the name of an installed model; use only letters, digits, - and _")
    return name


def _publish(temp: Path, target: Path, overwrite: bool) -> None:
    if target.exists():
        if not overwrite:
            raise InputError(
                f"a model named {target.name} is already installed; choose another name or allow overwriting"
            )
        shutil.rmtree(target)
    temp.rename(target)


def _info(name: str, folder: Path) -> ModelInfo:
    try:
        spec = read_spec(folder)
        return ModelInfo(name, folder, model_hash(folder), spec.name, spec.gsd_m)
    except InputError as error:
        return ModelInfo(name, folder, "", str(error), 0.0)


def _read_source(source: str, sha256: str | None) -> dict[str, bytes]:
    """Read the files of a model."""
    if Path(source).is_dir():
        if sha256 is not None:
            raise InputError(f"{source}: is a folder, which has no hash of its own; verify it with `models verify`")
        return {name: (Path(source) / name).read_bytes() for name in _FILES if (Path(source) / name).is_file()}
    data = read_bytes(source, MAX_BYTES)
    is_item = data[:1].lstrip() == b"{"
    if sha256 is not None:
        _check_hash(source, data, sha256)
    elif is_http(source) and not is_item:
        raise InputError(
            f"{source}: specify the hash that its publisher states (--sha256), so that the archive can be checked"
        )
    return _read_item(source, data) if is_item else _read_archive(source, data)


def _check_hash(source: str, data: bytes, sha256: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise InputError(f"{source}: has the SHA-256 {found}, not {sha256}; it is damaged or not what you expect")


def _read_archive(source: str, data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        for path, content in _iter_members(data):
            name = PurePosixPath(path).name
            if name in found:
                raise InputError(f"{source}: contains several models; install them one by one")
            found[name] = content
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{source}: is not a readable archive ({reason}); expected .zip, .tar or .tar.gz") from error
    if SPEC_FILE not in found or WEIGHTS_FILE not in found:
        raise InputError(f"{source}: does not contain a model, which has the files {SPEC_FILE} and {WEIGHTS_FILE}")
    return found


def _iter_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file with the name of a file of a model, up to the largest size of a model."""
    left = MAX_BYTES
    for path, read in _iter_files(data):
        if PurePosixPath(path.replace("\\", "/")).name in _FILES:
            content = read(left + 1)
            left -= len(content)
            if left < 0:
                raise InputError(f"the model is larger than {MAX_BYTES >> 20} MB")
            yield path.replace("\\", "/"), content


def _iter_files(data: bytes) -> Iterator[tuple[str, Any]]:
    """Path of each regular file in an archive, with a function that reads up to a number of bytes of it."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as member:
                        yield info.filename, member.read
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            if entry.isfile():  # neither a link nor a device
                file = tar.extractfile(entry)
                assert file is not None
                yield entry.name, file.read


def _read_item(source: str, data: bytes) -> dict[str, bytes]:
    found = {}
    for name, asset in _assets(_read_json(source, data), source).items():
        href = str(asset["href"])
        location = urljoin(source, href) if is_http(source) else _beside(source, href)
        check_link(source, location)
        found[name] = read_bytes(location, MAX_BYTES)
        _check_asset(location, found[name], asset)
    return found


def _beside(source: str, href: str) -> str:
    return href if is_http(href) or Path(href).is_absolute() else str(Path(source).parent / href)


def _read_json(source: str, data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except ValueError as error:
        raise InputError(f"{source}: is not valid JSON ({error})") from error
    return values if isinstance(values, dict) else {}


def _assets(item: dict[str, Any], source: str) -> dict[str, dict[str, Any]]:
    """The assets of a STAC MLM Item that are the files of a model, by file name."""
    properties, assets = item.get("properties"), item.get("assets")
    if not isinstance(properties, dict) or "mlm:name" not in properties or not isinstance(assets, dict):
        raise InputError(f"{source}: is not a STAC Item with the MLM extension")
    found: dict[str, dict[str, Any]] = {}
    for asset in assets.values():
        name = PurePosixPath(str(asset.get("href") if isinstance(asset, dict) else "").partition("?")[0]).name
        if name in _FILES:
            found[name] = asset
    if SPEC_FILE not in found or WEIGHTS_FILE not in found:
        raise InputError(f"{source}: is not a model of road_extract, which has {SPEC_FILE} and {WEIGHTS_FILE}")
    return found


def _check_asset(location: str, data: bytes, asset: dict[str, Any]) -> None:
    checksum = str(asset.get("file:checksum", ""))
    if not checksum.startswith("1220") or len(checksum) != 68:
        raise InputError(
            f"{location}: cannot be checked, because its STAC Item does not state its SHA-256 (file:checksum)"
        )
    _check_hash(location, data, checksum[4:])

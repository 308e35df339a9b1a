"""Objects below a prefix of a bucket. An object appears completely or not at all, and failed requests are repeated."""

from __future__ import annotations

import mmap
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import temporary_folder
from road_extract.base.media_types import media_type
from road_extract.base.urls import is_url
from road_extract.io.objects.settings import CREDENTIALS, read_settings

T = TypeVar("T")

#: Up to this size, an object is sent in one request, straight from a mapped file: even a killed process leaves nothing
#: behind. S3 and Azure take about 5 GB; larger ones need a multipart upload.
SINGLE_BYTES = 4 * 2**30
#: S3 allows 10,000 parts of an upload, which is enough for 640 GB.
PART_BYTES = 64 * 2**20
#: Beyond this size, S3 does not copy an object in one request.
COPY_BYTES = 5 * 10**9

_TIMEOUT_S = 30
#: The slowest transfers that are waited for: to or from this machine, and within the store.
_BYTES_PER_S = 250_000
_COPIED_BYTES_PER_S = 25_000_000
_RETRIES = 8
#: The wait before the first retry; each later one is twice as long.
_BACKOFF_S = 0.25
#: How many requests about single objects are under way at once.
_AT_ONCE = 32

_STATUS = re.compile(r"status code: (\d+ [A-Z][A-Za-z ]*)")
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")
_CODE = re.compile(r"<(?:Code|code)>(\w+)</")
#: Without credentials, obstore asks the metadata service that machines in a cloud have.
_NO_CREDENTIALS = re.compile(r"169\.254\.169\.254|metadata\.google|Missing ?(Access|Secret|Credential)", re.IGNORECASE)
_REFUSED = re.compile(
    rf"code: 40[13] |token request|credential|InvalidAccessKeyId|SignatureDoesNotMatch|{_NO_CREDENTIALS.pattern}",
    re.IGNORECASE,
)
_CAUSES = re.compile(
    r"(?i)dns error|connection refused|connection reset|network is unreachable|no route to host|operation timed out"
    r"|timed out|invalid peer certificate|certificate|unsupported scheme|invalid uri"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object.

    Attributes:
        size: In bytes.
        modified: By the clock of the store.
        version: Identifies this content, for conditional writing.
        data: The content, where it was read.
    """

    size: int
    modified: datetime
    version: dict[str, str]
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket. It holds no credentials, so it can be sent to other machines, which use their own.

    Attributes:
        url: ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``, without a slash at the end.
    """

    url: str

    @classmethod
    def at(cls, location: str) -> Bucket:
        """Make one from a location that a user gives.

        Raises:
            InputError: If it is not the URL of a store.
        """
        scheme, _, rest = location.partition("://")
        if scheme.lower() not in CREDENTIALS:
            raise InputError(f"{location}: is not a location for outputs; expected a path, or s3://, gs:// or az://")
        name, _, prefix = rest.partition("/")
        if (
            not name
            or any(mark in location for mark in "@?#")
            or any(part in (".", "..") for part in prefix.split("/"))
        ):
            raise InputError(
                f"{location}: is not the location of a bucket; expected {scheme.lower()}://BUCKET/PREFIX, and "
                "credentials in environment variables"
            )
        parts = [part for part in prefix.split("/") if part]
        return cls("/".join([f"{scheme.lower()}://{name}", *parts]))

    def shown(self, name: str = "") -> str:
        """The URL of an object."""
        return f"{self.url}/{name}" if name else self.url

    @property
    def _prefix(self) -> str:
        return unquote(self.url.partition("://")[2].partition("/")[2])

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def read(self, name: str) -> Stored | None:
        """Read an object; None if there is none.

        Raises:
            OutputError: If the store does not answer, or refuses.
        """
        with self._errors(name):
            try:
                found = _obstore().get(self._client(), self._key(name))
            except FileNotFoundError as error:
                self._check_bucket(error)
                return None
            data = bytes(found.bytes())
            return Stored(len(data), found.meta["last_modified"], _version(found.meta), data)

    def find(self, name: str) -> Stored | None:
        """Look at an object without reading it; None if there is none. Errors as for `read`."""
        with self._errors(name):
            try:
                meta = _obstore().head(self._client(), self._key(name))
            except FileNotFoundError:
                return None
            return Stored(meta["size"], meta["last_modified"], _version(meta))

    def write(
        self, name: str, data: bytes, *, replacing: Stored | None = None, new: bool = False
    ) -> dict[str, str] | None:
        """Write a small object.

        Args:
            name: Of the object.
            data: Its content.
            replacing: Write only if this is still what the object holds.
            new: Write only if there is no such object.

        Returns:
            The version of what was written; None if the condition did not hold, so that nothing was written.

        Raises:
            OutputError: If it cannot be written.
        """
        mode: Any = "create" if new else "overwrite" if replacing is None else replacing.version
        return self._put(name, data, mode, {"Content-Type": media_type(name)}, _TIMEOUT_S)

    def upload(self, path: Path, name: str, mark: str = "", new: bool = False) -> bool:
        """Write a file as an object. A process that is killed leaves nothing behind, up to `SINGLE_BYTES`.

        Args:
            path: The file.
            name: Of the object.
            mark: Kept with the object, see `marks`.
            new: Write only if there is no such object; not beyond `SINGLE_BYTES`.

        Returns:
            Whether it was written.

        Raises:
            OutputError: If it cannot be written. Nothing is left of it then.
        """
        size, mode = path.stat().st_size, "create" if new else "overwrite"
        attributes = {"mark": mark} if mark else {}
        attributes["Content-Type"] = media_type(name)
        timeout_s = _TIMEOUT_S + size // _BYTES_PER_S
        if size > SINGLE_BYTES:
            self._put_parts(path, name, attributes)
            return True
        with path.open("rb") as file:
            if not size:
                return self._put(name, b"", mode, attributes, timeout_s) is not None
            # mapped, so that the pages of the file are sent without being copied into memory
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # not closed here: after an interrupt, a request may still be reading it
        return self._put(name, data, mode, attributes, timeout_s) is not None

    def _put(
        self, name: str, data: Any, mode: Any, attributes: dict[str, str], timeout_s: int
    ) -> dict[str, str] | None:
        library = _obstore()
        with self._errors(name):
            client = self._client(timeout_s)
            try:
                return _version(
                    _interruptibly(
                        lambda: library.put(
                            client, self._key(name), data, mode=mode, attributes=attributes, use_multipart=False
                        )
                    )
                )
            except (library.exceptions.AlreadyExistsError, library.exceptions.PreconditionError):
                return None
            except FileNotFoundError as error:
                if isinstance(mode, dict):  # what was to be replaced is gone
                    self._check_bucket(error)
                    return None
                raise

    def _put_parts(self, path: Path, name: str, attributes: dict[str, str]) -> None:
        stop = threading.Event()
        with self._errors(name):
            client = self._client(_TIMEOUT_S + PART_BYTES // _BYTES_PER_S)
            _interruptibly(
                lambda: _obstore().put(
                    client, self._key(name), _iter_parts(path, stop), attributes=attributes, use_multipart=True,
                    chunk_size=PART_BYTES, max_concurrency=4,
                ),
                stop,
            )  # fmt: skip

    def download(self, name: str, path: Path) -> None:
        """Read an object into a file.

        Raises:
            OutputError: If it cannot be read.
        """
        with self._errors(name):
            found = _obstore().get(self._client(), self._key(name))
            timeout_s = _TIMEOUT_S + found.meta["size"] // _BYTES_PER_S
            if timeout_s > 2 * _TIMEOUT_S:
                found = _obstore().get(self._client(timeout_s), self._key(name))
            with path.open("wb") as file:
                for part in found.stream(min_chunk_size=2**20):
                    file.write(part)
        if path.stat().st_size != found.meta["size"]:
            raise OutputError(f"{self.shown(name)}: was truncated while it was being read; run the same command again")

    def download_all(self, paths: Mapping[str, Path]) -> None:
        """Read several objects into files, several at once. Errors as for `download`."""
        _map_all(lambda name: self.download(name, paths[name]), list(paths))

    def list_all(self, folder: str = "") -> dict[str, int]:
        """Sizes of all objects below a folder, by names relative to this prefix. Errors as for `read`."""
        with self._errors(folder):
            return {
                self._name(meta["path"]): meta["size"]
                for chunk in _obstore().list(self._client(), self._key(folder) or None, chunk_size=1000)
                for meta in chunk
            }

    def list_folder(self, folder: str) -> dict[str, int]:
        """Sizes of the objects directly in a folder, by their last names. Errors as for `read`."""
        with self._errors(folder):
            found = _obstore().list_with_delimiter(self._client(), self._key(folder) or None)
            return {meta["path"].rpartition("/")[2]: meta["size"] for meta in found["objects"]}

    def marks(self, names: Sequence[str]) -> list[str]:
        """The marks with which objects were uploaded; empty for those without. Errors as for `read`."""

        def mark(name: str) -> str:
            with self._errors(name):
                try:
                    found = _obstore().get(self._client(), self._key(name), options={"head": True})
                except FileNotFoundError:
                    return ""
                return str(found.attributes.get("mark", ""))

        return _map_all(mark, names)

    def copy(self, name: str, to: str, size: int) -> None:
        """Copy an object within the store. Beyond `COPY_BYTES`, it passes through this machine.

        Raises:
            OutputError: If it cannot be copied.
        """
        if size <= COPY_BYTES:
            with self._errors(to):
                _obstore().copy(self._client(_TIMEOUT_S + size // _COPIED_BYTES_PER_S), self._key(name), self._key(to))
            return
        with temporary_folder() as folder:
            path = folder / to.rpartition("/")[2]
            self.download(name, path)
            self.upload(path, to)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that do not exist are ignored.

        Raises:
            OutputError: If they cannot be deleted.
        """
        wanted = list(names)
        with self._errors(wanted[0] if wanted else ""):
            try:
                if wanted:
                    _obstore().delete(self._client(), [self._key(name) for name in wanted])
            except FileNotFoundError:  # Azure says so of a whole request: the others may still be there
                _map_all(self._delete_one, wanted)

    def _delete_one(self, name: str) -> None:
        with self._errors(name):
            try:
                _obstore().delete(self._client(), self._key(name))
            except FileNotFoundError:
                return

    def check_writable(self, name: str) -> None:
        """Write and delete an object of this name, with few retries: a wrong address should fail at once.

        Raises:
            InputError: If obstore is not installed.
            OutputError: If the bucket cannot be written to.
        """
        library = _obstore()
        with self._errors(""):
            client = self._client(_TIMEOUT_S, 2)
            library.put(client, self._key(name), b"", use_multipart=False)
        self.delete([name])

    def _name(self, key: str) -> str:
        return key.removeprefix(f"{self._prefix}/") if self._prefix else key

    def _client(self, timeout_s: int = _TIMEOUT_S, retries: int = _RETRIES) -> Any:
        _obstore()
        scheme = self.url.partition("://")[0]
        settings = read_settings(scheme)
        # in steps, so that only few clients are made, each of which has its own connections
        patience_s = next(step for step in (30, 120, 600, 3600, 10**6) if timeout_s <= step)
        key = _Key(scheme, _bucket_of(self.url), settings, dict(os.environ))
        return _open_client(key, patience_s, retries)

    def _check_bucket(self, error: Exception) -> None:
        """A missing bucket is an error, a missing object is not."""
        if _NO_BUCKET.search(str(error)):
            raise error

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        library = _obstore()
        try:
            yield
        except (InputError, OutputError):
            raise
        except (library.exceptions.BaseError, OSError, ValueError) as error:
            raise OutputError(f"{self.shown(name)}: {self._explain(error)}") from None  # its text may hold keys

    def _explain(self, error: Exception) -> str:
        text = str(error)
        scheme = self.url.partition("://")[0]
        status, code = _STATUS.search(text), _CODE.search(text)
        said = " ".join(part for part in (status[1].strip() if status else "", code[1] if code else "") if part)
        if _NO_BUCKET.search(text) or (isinstance(error, FileNotFoundError) and "PUT" in text):
            return f"the bucket {_bucket_of(self.url)} does not exist; check its name, or create it"
        if _REFUSED.search(text):
            said = "no credentials were found" if _NO_CREDENTIALS.search(text) else said
            return (
                f"access was refused ({said or 'bad credentials'}); check the credentials in the environment "
                f"({CREDENTIALS[scheme]}) and their permissions for this bucket"
            )
        if status and status[1].startswith("30"):
            return f"the bucket is in another region ({said}); set AWS_REGION"
        if isinstance(error, OSError) and error.errno is not None:
            return f"cannot be copied to this machine ({error.strerror}); free space or set TMPDIR to another folder"
        cause = _CAUSES.search(text)
        said = said or (cause[0].lower() if cause else type(error).__name__)
        return (
            f"the store does not respond correctly ({said}); check the address and the network, then run the same "
            "command again"
        )


@contextmanager
def local_copy(location: str | Path) -> Iterator[Path]:
    """A file on this machine with the content of a file or object, while the block runs.

    Raises:
        OutputError: If the object cannot be read.
    """
    if not is_url(str(location)):
        yield Path(location)
        return
    parent, _, name = str(location).rpartition("/")
    with temporary_folder() as folder:
        path = folder / name
        Bucket.at(parent).download(name, path)
        yield path


def _obstore() -> Any:
    try:
        import obstore
        import obstore.exceptions
    except ImportError as error:
        raise InputError(
            "writing to object storage needs obstore, which is not installed; pip install 'road-extract[cloud]'"
        ) from error
    return obstore


def _bucket_of(url: str) -> str:
    return urlsplit(url).netloc


class _Key:
    """What a client depends on. It may hold credentials, so it is compared but never shown."""

    def __init__(self, scheme: str, bucket: str, settings: dict[str, Any], environment: dict[str, str]) -> None:
        self.scheme, self.bucket, self.settings = scheme, bucket, settings
        known = ("AWS_", "AZURE_", "GOOGLE_", "HTTP", "http", "NO_PROXY", "no_proxy")
        found = {name: value for name, value in environment.items() if name.startswith(known)}
        self._all = (scheme, bucket, tuple(sorted(settings.items())), tuple(sorted(found.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)


@lru_cache(maxsize=64)
def _open_client(key: _Key, timeout_s: int, retries: int) -> Any:
    from obstore import store

    kind: Any = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[key.scheme]
    plain = any(str(value).startswith("http://") for value in key.settings.values())
    return kind(
        key.bucket,
        config=key.settings,
        client_options={"timeout": f"{timeout_s}s", "connect_timeout": "10s", "allow_http": plain},
        retry_config={
            "max_retries": retries,
            "backoff": {
                "base": 2, "init_backoff": timedelta(seconds=_BACKOFF_S), "max_backoff": timedelta(seconds=10),
            },
            # the credentials of a request must stay valid that long
            "retry_timeout": timedelta(seconds=max(180, 2 * timeout_s)),
        },
    )  # fmt: skip


def _version(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}


def _iter_parts(path: Path, stop: threading.Event) -> Iterator[bytes]:
    """Raising in the middle makes obstore abort the upload."""
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            if stop.is_set():
                raise InterruptedError("interrupted")
            yield part


def _interruptibly(send: Callable[[], T], stop: threading.Event | None = None) -> T:
    """Call a function of obstore in a thread, because Ctrl-C does not reach Python while the function runs.

    Args:
        send: The call.
        stop: Makes the call end early; its end is then awaited, so that it can clean up. A request without it may
            simply end with the process: half a request leaves nothing behind.
    """
    values: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            values.append(send())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    done = threading.Event()  # Thread.join takes a thread for ended after an interrupt
    threading.Thread(target=call, daemon=True, name="upload").start()
    try:
        while not done.wait(0.2):
            pass
    except BaseException:
        if stop is not None:
            stop.set()
            done.wait(_TIMEOUT_S)
        raise
    if errors:
        raise errors[0]
    return values[0]


def _map_all(function: Callable[[str], T], names: Sequence[str]) -> list[T]:
    with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(names)))) as pool:
        return list(pool.map(function, names))


def temp_suffix() -> str:
    """A part of a name that no other process uses."""
    return f"{os.getpid()}-{os.urandom(4).hex()}"

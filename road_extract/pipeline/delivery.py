"""Outputs in buckets: they are made as files on this machine, and uploaded when all of them are complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.files import temporary_folder
from road_extract.base.urls import is_url, to_gdal_path
from road_extract.io.objects import Bucket
from road_extract.io.objects.bucket import temp_suffix
from road_extract.pipeline.outputs import Extraction, Outputs, PathLike


class Delivery:
    """Outputs of one command: paths are left alone, and URLs get a file in a temporary folder."""

    def __init__(self, overwrite: bool, stack: ExitStack) -> None:
        self._overwrite, self._stack = overwrite, stack
        self._buckets: dict[Path, Bucket] = {}

    def local(self, location: PathLike) -> Path:
        """The file to write for an output.

        Raises:
            InputError: If the output is a URL, but not of an object in a bucket.
        """
        if not is_url(str(location)):
            return Path(location)
        parent, _, name = str(location).rpartition("/")
        bucket = Bucket.at(parent)
        if not name:
            raise InputError(f"{location}: is a folder; expected the name of an object")
        folder = next((folder for folder, known in self._buckets.items() if known == bucket), None)
        if folder is None:
            folder = self._stack.enter_context(temporary_folder())
            self._buckets[folder] = bucket
        return folder / name

    def local_outputs(self, outputs: Outputs) -> Outputs:
        """The same outputs, all of them files on this machine."""

        def map_one(location: PathLike | None) -> Path | None:
            return None if location is None else self.local(location)

        probability, mask = map_one(outputs.probability), map_one(outputs.mask)
        nodes, report = map_one(outputs.nodes), map_one(outputs.report)
        return replace(
            outputs, roads=self.local(outputs.roads), probability=probability, mask=mask, nodes=nodes, report=report
        )

    def named(self, path: Path) -> PathLike:
        """The location that a local file stands in for."""
        bucket = self._buckets.get(path.parent)
        return path if bucket is None else bucket.shown(path.name)

    def named_extraction(self, done: Extraction) -> Extraction:
        """What was written, with the locations that the user requested."""
        return replace(done, path=self.named(Path(done.path)), lines_path=self.named(Path(done.lines_path)))

    def check(self, paths: Iterable[Path], inputs: Sequence[PathLike] = ()) -> None:
        """Check before any work that the objects can be written.

        Raises:
            InputError: If one exists and may not be overwritten, or is an input.
            OutputError: If a bucket cannot be written to.
        """
        for path in paths:
            if (bucket := self._buckets.get(path.parent)) is not None:
                shown = bucket.shown(path.name)
                if any(to_gdal_path(str(given)) == to_gdal_path(shown) for given in inputs):
                    raise InputError(f"{shown}: is both an input and an output; choose another name for the output")
                bucket.check_writable(f".{path.name}.probe-{temp_suffix()}")
                if not self._overwrite and bucket.find(path.name) is not None:
                    raise InputError(_exists(shown))

    def send(self) -> None:
        """Upload all files. If one fails, those that are new are deleted again.

        Raises:
            InputError: If an object has appeared in the meantime.
            OutputError: If one cannot be written.
        """
        sent: list[tuple[Bucket, str]] = []
        try:
            for folder, bucket in self._buckets.items():
                for path in sorted(folder.iterdir()):
                    if not bucket.upload(path, path.name, new=not self._overwrite):
                        raise InputError(_exists(bucket.shown(path.name)))
                    sent.append((bucket, path.name))
        except BaseException:
            if not self._overwrite:
                for bucket, name in sent:
                    bucket.delete([name])
            raise

    def in_words(self, error: InputError) -> InputError:
        """An error about an input or output, with the locations that the user requested."""
        text = str(error)
        for folder, bucket in self._buckets.items():
            text = text.replace(str(folder), bucket.shown())
        return InputError(text)


def _exists(shown: str) -> str:
    return f"{shown}: already exists; choose another name or allow overwriting (--overwrite)"


@contextmanager
def delivering(overwrite: bool) -> Iterator[Delivery]:
    """Deliver outputs when the block ends without an error.

    Args:
        overwrite: Replace objects that exist.
    """
    with ExitStack() as stack:
        delivery = Delivery(overwrite, stack)
        try:
            yield delivery
        except InputError as error:
            raise delivery.in_words(error) from error
        delivery.send()

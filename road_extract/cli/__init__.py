"""The command line: parses and prints. Subcommands are loaded when they are called.

No algorithm lives here; this is the only room that may import click, and no other room may import it.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from road_extract.base.errors import RoadExtractError

#: Name to one line of help, so that `--help` need not load them.
COMMANDS = {
    "extract": "Extract the roads of a scene as polygons, lines, or both.",
    "batch": "Extract the roads of many scenes, or of one across many machines; resumable.",
    "shard": "Predict one portion of a batch, for job arrays.",
    "predict": "Write the road probability of a scene.",
    "vectorize": "Turn a probability raster or mask into road polygons, lines, or both.",
    "info": "Say what a scene is, what extracting it takes, and what would stop it.",
    "preview": "Draw roads over their scene, as a PNG.",
    "evaluate": "Score roads against the truth: pixels and lines.",
    "diff": "Compare road lines with a map: new, matched, missing.",
    "train": "Train a model on scenes with road masks.",
    "quantize": "Make a model ready for 8-bit inference.",
    "doctor": "Describe this installation for a bug report.",
    "export": "Write a model as ONNX, OpenVINO IR or SavedModel, for other tools.",
}


class LazyGroup(click.Group):
    """Loads a subcommand from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"road_extract.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from road_extract.base.version import __version__

        click.echo(f"road-extract {__version__}")
        ctx.exit()


def _watch_stdin(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from road_extract.cli.lifeline import watch_stdin

        watch_stdin()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Show the version and exit.")  # fmt: skip
@click.option("--watch-stdin", is_flag=True, hidden=True, expose_value=False, callback=_watch_stdin,
              help="End when stdin ends, for programs that hold it open.")  # fmt: skip
def cli() -> None:
    """GeoTIFF in, georeferenced roads out."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line; exits with 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    from road_extract.cli.console import show_error

    try:
        # in this mode click returns the code of ctx.exit() instead of leaving
        code = cli.main(args, prog_name="road-extract", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RoadExtractError as error:
        show_error(str(error))
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:  # of the file system, in a place that has no better words for it
        show_error(str(error))
        return 1
    except (KeyboardInterrupt, click.Abort):
        show_error("interrupted; nothing was written")
        return 130
    except MemoryError:
        show_error("out of memory; see the estimate of `road-extract info` and try a smaller --batch-size")
        return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""The command line: it parses arguments, calls the other packages, and prints. Each subcommand is loaded when called.

No algorithms belong here. This is the only package that may import click, and no other package may import it.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from road_extract.base.errors import RoadExtractError

#: Each command with its line of help, so that `--help` does not need to load the commands.
COMMANDS = {
    "extract": "Extract roads from a scene as polygons, lines, or both.",
    "batch": "Extract roads from many scenes, or from one scene on many machines. Resumable.",
    "shard": "Predict one portion of a batch, for job arrays.",
    "predict": "Write the road probability of a scene to a raster.",
    "vectorize": "Convert a probability raster or mask to road polygons, lines, or both.",
    "info": "Describe a scene, estimate time and memory, and list every problem.",
    "backends": "List the inference backends on this machine, their devices and their speed.",
    "preview": "Draw roads over their scene, as a PNG.",
    "evaluate": "Score roads against ground truth, pixel by pixel and as lines.",
    "diff": "Compare road lines with a map: new, matched and missing roads.",
    "report": "Show roads over their scene on a web page for review, which works offline.",
    "review": "Apply the decisions made on a review page.",
    "train": "Train or fine-tune a model on scenes with road labels.",
    "quantize": "Prepare a model for 8-bit inference.",
    "export": "Export a model as ONNX, OpenVINO IR or SavedModel for other tools.",
    "models": "List, verify and install models.",
    "completion": "Install the completion of commands and options in a shell.",
    "doctor": "Describe this installation for a bug report.",
}


class LazyGroup(click.Group):
    """A group that loads each subcommand from the module of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"road_extract.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
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
              help="Exit when stdin closes, for programs that keep it open.")  # fmt: skip
def cli() -> None:
    """GeoTIFF in, georeferenced roads out."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from road_extract.cli.console import show_error

    try:
        # in this mode click returns the code of ctx.exit() instead of exiting
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
    except OSError as error:  # a file system error that no other code explains better
        show_error(str(error))
        return 1
    except (KeyboardInterrupt, click.Abort):
        show_error("interrupted; nothing was written")
        return 130
    except MemoryError:
        show_error("out of memory; check the estimate of `road-extract info` and try a smaller --batch-size")
        return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

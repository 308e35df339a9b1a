"""`road-extract completion`."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import replacing

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "road-extract"


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.option("--print", "shown", is_flag=True, help="Print the script instead of installing it.")
def command(shell: str | None, shown: bool) -> None:
    """Install completion of commands and options for SHELL (default: the one in the variable SHELL).

    The script is written where bash-completion (version 2) and fish find it automatically. For zsh, the message says
    what to add to ~/.zshrc.
    """
    shell = shell or _own_shell()
    text = completion_script(shell)
    if shown:
        click.echo(text)
        return
    path = completion_file(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temp:
            temp.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    more = f"; add to ~/.zshrc, before compinit: fpath+=({path.parent})" if shell == "zsh" else ""
    click.echo(f"installed {path}{more}; open a new terminal")


def completion_script(shell: str) -> str:
    """The script that makes a shell ask the program for completions; click writes it."""
    from road_extract.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    return found(cli, {}, _PROGRAM, "_ROAD_EXTRACT_COMPLETE").source()


def completion_file(shell: str) -> Path:
    """Where the shell looks for the script."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / _PROGRAM,
        "zsh": data / "zsh" / "site-functions" / f"_{_PROGRAM}",
        "fish": config / "fish" / "completions" / f"{_PROGRAM}.fish",
    }[shell]


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise InputError(f"the shell {name or 'in use'} is not supported; name one of these: {', '.join(_SHELLS)}")
    return name

"""The table of subcommands, their lazy loading, and how errors end a command."""

from __future__ import annotations

import difflib
import errno
import importlib
import inspect
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ifc_core.errors import IFCError, InputError
from ifc_core.io.problems import for_terminal
from ifc_core.jobs import JobCancelled
from ifc_core.version import __version__

PROGRAM = "ifc-studio"

COMMANDS: dict[str, tuple[str, str]] = {
    "propose": ("ifc_core.cli.propose", "Propose tracked masks for videos."),
    "project": ("ifc_core.cli.project", "Make, inspect, import, export and check projects."),
    "validate": ("ifc_core.cli.validate", "Check a YouTube-VIS file strictly."),
    "evaluate": ("ifc_core.cli.evaluate", "Score predictions against ground truth."),
    "finetune": ("ifc_core.cli.finetune", "Train on a project's corrected frames."),
    "train": ("ifc_core.cli.train", "Train from a configuration file."),
    "models": ("ifc_core.cli.models", "List, inspect, import and remove models."),
    "attention": ("ifc_core.cli.attention", "Draw what the memory tokens look at."),
    "flops": ("ifc_core.cli.flops", "Count the operations of the clip encoder."),
    "bench": ("ifc_core.cli.bench", "Measure speed and quality on this machine."),
}
"""Subcommand -> (module with a ``typer.Typer`` called ``app``, one line of help)."""

GROUPS = ("project", "models")
"""Those with subcommands, whose names people give without them."""
_MEANT = {"help": "--help"} | dict.fromkeys(
    ("predict", "infer", "inference", "segment", "track", "detect", "annotate"), "propose"
)
"""What else people call a command."""

_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "can't allocate memory")
"""What loaders and libraries say where the system gives no more."""
_NOT_OF_MEMORY = ("static tls block", "not permitted", "permission denied")
"""What they say with the same words of other causes: the order of loading, a disk without exec."""

_CLOSED = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""Why the system does not even say what lies at a place that a person named."""

_LISTING = "ifc_core.listing"

# Typer carries its own copy of click since 0.26; this is the class in use either way.
_UsageProblem: Any = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def load_command(name: str) -> Any:
    """Import the module of a subcommand.

    Args:
        name: A key of :data:`COMMANDS`.

    Returns:
        The click command (a group where the module defines several).
    """
    module = importlib.import_module(COMMANDS[name][0])
    command = typer.main.get_command(module.app)
    command.name = name
    # Completion belongs to the program; Typer offers it for each command on its own, too.
    own = ("install_completion", "show_completion")
    command.params = [option for option in command.params if option.name not in own]
    for one in (command, *getattr(command, "commands", {}).values()):
        one.help = _without_line_breaks(one.help)
    return command


def _without_line_breaks(text: str | None) -> str | None:
    """Help whose paragraphs are one line each.

    Typer joins the lines of the first paragraph alone; those of others end where they end in the
    source, whatever the width of the terminal.
    """
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


class LazyGroup(TyperGroup):
    """Commands are imported when run; a first word that is no command means open."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command; only its name and one line of help while help is being written."""
        if cmd_name not in COMMANDS:
            return None
        if ctx.meta.get(_LISTING):
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])
        return load_command(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing any command."""
        ctx.meta[_LISTING] = True
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the first word, or the one that opens a path."""
        if args[0] in COMMANDS:
            return super().resolve_command(ctx, args)
        if not ctx.resilient_parsing:  # which completion asks with
            if not Path(args[0]).exists():  # whatever follows, --help too
                raise InputError(_unknown_word(args[0]))
            if "--help" in args:
                typer.echo(ctx.get_help())
                ctx.exit()
        return "open", typer.main.get_command(_open_app), args


_app = typer.Typer(
    cls=LazyGroup,
    invoke_without_command=True,
    no_args_is_help=False,
    add_completion=True,
    help=(
        "Annotate video with a model's help. Without a command, opens the desktop program on "
        "PATH: a video, a folder of frames, a project or a YouTube-VIS file."
    ),
    epilog="Example: ifc-studio propose clip.mp4 -o clip.json --overlay clip-overlay.mp4",
    subcommand_metavar="[PATH | COMMAND [ARGS]...]",
)
_open_app = typer.Typer(add_completion=False)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _install_desktop_entry(value: bool) -> None:
    if value:
        from ifc_core.cli.desktop import install_desktop_entry

        typer.echo(f"Wrote {install_desktop_entry()}")
        raise typer.Exit


@_app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the log.")] = False,
    desktop_entry: Annotated[
        bool,
        typer.Option(
            "--install-desktop-entry",
            callback=_install_desktop_entry,
            is_eager=True,
            help="Add the program to the applications menu (Linux).",
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None and not context.resilient_parsing:
        from ifc_core.cli.desktop import open_desktop

        raise typer.Exit(open_desktop(None))


@_open_app.command()
def _open(words: list[str]) -> None:
    from ifc_core.cli.desktop import open_desktop

    word = words[0]
    if len(words) > 1 or not Path(word).exists():
        raise InputError(_unknown_word(word))
    raise typer.Exit(open_desktop(word))


def _unknown_word(word: str) -> str:
    if Path(word).exists():
        return f"Only one file can be opened at a time; {PROGRAM} --help lists the commands."
    meant = _commands_like(word)
    hint = f"{PROGRAM} --help lists the commands."
    if meant:
        hint = f"did you mean {' or '.join(map(repr, meant))}?"
    return f"There is no file and no command called {word!r}; {hint}"


def _commands_like(word: str) -> list[str]:
    """The commands that a word may mean: one of a group given without it, or one mistyped."""
    if word in _MEANT:
        return [_MEANT[word]]
    called = {name: [name] for name in COMMANDS}
    for group in GROUPS:
        for name in load_command(group).commands:
            called.setdefault(name, []).append(f"{group} {name}")
    close = difflib.get_close_matches(word, called, n=1)
    return called[close[0]] if close else []


def run(words: Sequence[str]) -> int:
    """Run a command line and report its end in one sentence.

    Args:
        words: Words after the program's name. ``--debug`` may stand anywhere.

    Returns:
        The exit status.
    """
    debug = "--debug" in words
    arguments = [word for word in words if word != "--debug"]
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        status = typer.main.get_command(_app).main(
            args=arguments, prog_name=PROGRAM, standalone_mode=False
        )
    except Exception as error:
        return _report(error, debug)
    return status if isinstance(status, int) else 0


def _report(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if isinstance(error, JobCancelled):
        return error.exit_code
    if isinstance(error, IFCError):
        sentence, status = str(error), error.exit_code
    elif isinstance(error, _UsageProblem):
        if not error.format_message().strip():
            return int(error.exit_code)  # a group without a command has shown its help
        context = getattr(error, "ctx", None)
        where = context.command_path if context else PROGRAM
        message = error.format_message().rstrip(".")
        see = " See" if message.endswith("?") else "; see"
        sentence = f"{message}{see} {where} --help."
        status = int(error.exit_code)
    elif isinstance(error, BrokenPipeError):
        return 1
    elif isinstance(error, OSError) and error.errno in _CLOSED and error.filename:
        reason = (error.strerror or str(error)).lower()
        sentence, status = f"Cannot reach {os.fsdecode(error.filename)}: {reason}.", 2
    else:
        sentence, status = _failure(error), 1
    line = for_terminal(" ".join(sentence.split()))
    print(f"{PROGRAM}: {line}", file=sys.stderr)  # noqa: T201
    return status


def _failure(error: Exception) -> str:
    """What is told of an error that nobody foresaw."""
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    has_no_room = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    said = told.lower()
    if has_no_room or (_has(said, _NO_MEMORY) and not _has(said, _NOT_OF_MEMORY)):
        return (
            f"The memory is full ({told}); close other programs, or allow this one more, and try "
            "again."
        )
    return f"The program failed ({told}); run again with --debug for details."


def _has(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)

"""The command line, ``ifc-studio``.

:func:`main` is the console script. Each subcommand lives in a module of its own that is
imported only when it is run (:data:`ifc_core.cli.application.COMMANDS`), so that
``ifc-studio --help`` answers without loading torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

ENGINE_ARGUMENTS = ("-m", "ifc_core.engine")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and turn its end into an exit status.

    A frozen (bundled) program has no interpreter to start, so the program itself answers
    to ``-m ifc_core.engine`` and then is the engine process.

    Args:
        argv: Words after the program's name; ``sys.argv`` where left out.

    Returns:
        0, 1 (a failure of ours), 2 (bad input) or 130 (Ctrl-C).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _stand_in_for_closed_streams()
    try:
        if tuple(words[:2]) == ENGINE_ARGUMENTS:
            from ifc_core.engine.server import main as serve

            return serve()
        from ifc_core.cli.application import run

        return run(words)
    except KeyboardInterrupt:
        return 130


def _stand_in_for_closed_streams() -> None:
    """Let what was started without a stream write into nothing.

    Lowest first, so that each gets its number back: else the next file that is opened has it, and
    what a library writes to standard output goes into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115

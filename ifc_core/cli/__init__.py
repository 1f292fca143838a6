"""The command line, ``ifc-studio``.

:func:`main` is the console script. Each subcommand lives in a module of its own that is
imported only when it is run (:data:`ifc_core.cli.application.COMMANDS`), so that
``ifc-studio --help`` answers without loading torch.
"""

from __future__ import annotations

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
    try:
        if tuple(words[:2]) == ENGINE_ARGUMENTS:
            from ifc_core.engine.server import main as serve

            return serve()
        from ifc_core.cli.application import run

        return run(words)
    except KeyboardInterrupt:
        return 130

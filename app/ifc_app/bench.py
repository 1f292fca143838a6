"""``ifc-studio bench ui``: the window's latencies, on a virtual screen where there is none."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

from ifc_app.display import has_display, virtual_display
from ifc_app.launcher import prepare_environment


def run_ui(assignments: dict[str, str]) -> dict[str, Any]:
    """Measure the window.

    Args:
        assignments: Options by name, as text; see ``napari_ifc.bench_ui.UiBenchOptions``.

    Returns:
        Figures ready for JSON.

    Raises:
        ConfigError: An option is unknown or does not fit.
        IFCError: There is no display and no virtual one.
    """
    with ExitStack() as stack:
        virtual = not has_display()
        if virtual:
            stack.enter_context(virtual_display(1920, 1200))
        prepare_environment()
        from ifc_core.cli.bench import read_options
        from napari_ifc import bench_ui

        pairs = [f"{name}={value}" for name, value in assignments.items()]
        options = read_options(bench_ui.UiBenchOptions, pairs)
        figures = bench_ui.run_ui(options, lambda part: sys.stderr.write(f"Measuring {part}\n"))
        return {"virtual_display": virtual, **figures}

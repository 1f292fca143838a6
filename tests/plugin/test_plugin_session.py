"""A whole session as a plugin of an ordinary napari: from a 16-bit stack to an export."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import napari
import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from qtpy.QtWidgets import QDockWidget

import napari_ifc.engine_link
from ifc_core.io.ytvis import read_ytvis, validate_ytvis
from napari_ifc import contributions
from napari_ifc.dock_widget import StudioDock
from napari_ifc.features.videos import DOCK

pytestmark = pytest.mark.window


def children():
    """Process numbers of this process's children, where the system tells them."""
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(task.read_text(encoding="ascii").split()) if task.exists() else set()


def test_open_propose_fix_export_and_close(qtbot, tmp_path, monkeypatch):
    threads, processes = set(threading.enumerate()), children()
    engine = FakeEngine(SIZE, NUM_FRAMES)
    monkeypatch.setattr(napari_ifc.engine_link, "usual_engine", lambda name="engine": engine)
    viewer = napari.Viewer(show=True)
    ramp = np.linspace(100, 4000, SIZE[1])
    stack = np.stack([np.tile(ramp + 50 * t, (SIZE[0], 1)) for t in range(NUM_FRAMES)])
    viewer.add_image(stack.astype(np.uint16), name="cells", contrast_limits=(0, 5000))

    dock = StudioDock(viewer)
    viewer.window.add_dock_widget(dock, name="IFC Studio", area="right")
    studio = dock.studio
    assert contributions.studio_for(viewer) is studio
    assert studio.run_action("file.open_layer")
    with qtbot.waitSignal(studio.opened, timeout=30_000):
        pass
    assert studio.workspace.session.num_frames == NUM_FRAMES
    assert not viewer.layers["cells"].visible

    with qtbot.waitSignal(studio.run_finished, timeout=30_000) as ended:
        assert studio.run_action("propose.start")
    assert ended.args == ["succeeded"]
    first, *_ = studio.workspace.index.track_ids()
    studio.select((first,))
    studio.run_action("tool.paint")
    before = studio.workspace.session.project.mask(first, 0).rle.area
    layer = next(x for x in viewer.layers if x.metadata.get("ifc") == "Edit")
    layer.paint((5, 5), 1)
    studio.layers.flush()
    assert studio.workspace.session.project.mask(first, 0).rle.area > before
    studio.run_action("frame.approve")

    target = tmp_path / "cells.json"
    report = studio.export_ytvis(target)
    assert report.frames == 1
    assert validate_ytvis(target) == []
    assert len(read_ytvis(target).tracks) == len(studio.workspace.index)
    assert DOCK in studio.docks
    assert not studio.docks[DOCK].isVisible()  # one video needs no list

    main = dock.window()
    assert main.findChildren(QDockWidget)
    viewer.close()
    assert studio.is_closed
    assert engine.closed
    qtbot.waitUntil(lambda: set(threading.enumerate()) <= threads, timeout=20_000)
    assert children() <= processes

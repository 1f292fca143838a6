"""Renew the documentation's screenshots from the real window: ``make figures``.

Opens the bundled sample on the display (or a virtual one), does what the user guide says, and
writes PNG files into ``docs/images``. The project it works in is thrown away.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from ifc_app.display import has_display, virtual_display

IMAGES = Path(__file__).resolve().parent / "images"
WINDOW_PX = (1440, 900)
WAIT_MS = 600_000
CELLS_SEED = 6
LINEAGE_SEED = 54  # four of its cells divide
WAIT_FOR_TOKENS_MS = 3_000  # until the tokens are ranked for the selected track


def main() -> None:
    """Make every figure."""
    IMAGES.mkdir(exist_ok=True)
    with ExitStack() as stack:
        os.environ["IFC_STUDIO_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        if not has_display():
            stack.enter_context(virtual_display(1920, 1200))
        from ifc_app.launcher import prepare_environment

        prepare_environment()
        from ifc_app.window import DesktopWindow

        window = DesktopWindow()
        try:
            _figures(window)
        finally:
            _close(window)


def _figures(window) -> None:
    from napari_ifc.features.review import Review

    window.show()
    window.main.resize(*WINDOW_PX)
    _shoot(window, "start")
    if not window.open_sample():
        sys.exit("The sample clip could not be opened.")
    studio = window.studio
    if not studio.workspace.index.rows():
        _wait(studio.run_finished, studio.propose)
    best = max(studio.workspace.index.rows(), key=lambda row: row.score * row.num_frames)
    studio.select((best.track_id,))
    studio.layers.go_to(50)
    _shoot(window, "studio")
    studio.panel.show_page("propose")
    studio.panel.propose.more.click()
    _shoot(window, "propose")
    studio.panel.show_page("review")
    review = studio.feature(Review)
    _until(lambda: not review.controller.is_busy)
    studio.run_action("review.next")
    _shoot(window, "review")
    studio.panel.show_page("history")
    _shoot(window, "history")
    studio.select((best.track_id,))
    studio.layers.go_to(50)
    studio.panel.show_page("attention")
    _until(lambda: studio.attention.controller.view.heat is not None)
    _pause(WAIT_FOR_TOKENS_MS)
    _shoot(window, "attention")
    studio.run_action("frame.approve")
    studio.panel.show_page("finetune")
    _shoot(window, "finetune")
    _cells(window)
    _lineage(window)


def _cells(window) -> None:
    """A generated clip of microscopy, proposed on by the bundled model for cells."""
    from napari_ifc.controllers.propose_choices import bundled_texts

    studio = window.studio
    folder = Path(os.environ["IFC_STUDIO_HOME"]) / "cells"
    _write_clip(folder, CELLS_SEED, (480, 640, 12, "hard", 60), 1.0)
    if not studio.open_path(folder):
        sys.exit("The generated cells could not be opened.")
    studio.panel.show_page("propose")
    form = studio.panel.propose
    form.set_models(bundled_texts(), "ifc-r18-cells")
    _wait(studio.run_finished, studio.propose)
    studio.panel.show_page("tracks")
    studio.layers.go_to(6)
    _shoot(window, "cells")


def _lineage(window) -> None:
    """A generated clip with its exact masks, whose mothers and daughters are linked."""
    import numpy as np

    from ifc_core.annotation import edits
    from ifc_core.structures import Category, RLEMask

    folder = Path(os.environ["IFC_STUDIO_HOME"]) / "dividing cells"
    clip = _write_clip(folder, LINEAGE_SEED, (360, 480, 16, "medium", 30), 2.0)
    studio = window.studio
    if not studio.open_path(folder):
        sys.exit("The generated cells could not be opened.")
    editor = studio.workspace.editor
    editor.apply(edits.SetCategory(Category(1, "cell")))
    spans = []
    for masks in clip.masks:
        frames = np.flatnonzero(masks.any((1, 2))).tolist()
        new = edits.NewTrack(1, 1, frames[0], RLEMask.from_array(masks[frames[0]]))
        (track_id,) = editor.apply(new).tracks_added
        rest = [edits.SetMask(track_id, f, RLEMask.from_array(masks[f])) for f in frames[1:]]
        if rest:
            editor.apply(edits.Batch(tuple(rest), label="Paint"))
        spans.append((frames[0], frames[-1], track_id))
    for _, last, mother in spans:
        daughters = [track_id for first, _, track_id in spans if first == last + 1]
        if len(daughters) == 2:
            studio.select((mother, *daughters))
            studio.run_action("lineage.divide")
    studio.layers.go_to(8)
    studio.select((9,))
    studio.run_action("lineage.select")
    studio.run_action("view.by_lineage")
    _shoot(window, "lineage")


def _write_clip(folder: Path, seed: int, shape: tuple, frame_gap: float):
    import cv2

    from ifc_core.data.synthetic import ClipSpec, render_clip

    folder.mkdir()
    clip = render_clip(seed, ClipSpec(*shape, world="cells", frame_gap=frame_gap))
    for number, frame in enumerate(clip.frames):
        cv2.imwrite(str(folder / f"{number:05d}.png"), frame[..., ::-1])
    return clip


def _shoot(window, name: str) -> None:
    _pause(800)
    window.main.grab().save(str(IMAGES / f"{name}.png"))
    print(IMAGES / f"{name}.png")


def _pause(milliseconds: int) -> None:
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _wait(signal, begin) -> None:
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    signal.connect(lambda *_: loop.quit())
    if not begin():
        sys.exit("The run could not be started.")
    QTimer.singleShot(WAIT_MS, loop.quit)
    loop.exec()


def _until(condition) -> None:
    for _ in range(WAIT_MS // 250):
        if condition():
            return
        _pause(250)
    sys.exit("The window did not get there in time.")


def _close(window) -> None:
    from qtpy.QtWidgets import QApplication

    window.studio.close()
    window.viewer.close()
    application = QApplication.instance()
    application.processEvents()
    application.shutdown()


if __name__ == "__main__":
    main()

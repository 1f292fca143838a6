"""A studio with a clip open and an engine that answers at once, for tests in a real window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc
from fake_pointer import drag
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QDialog

from napari_ifc.features.correction import Correction
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio


class Desk:
    """A studio with the clip open, or nothing, and its engine."""

    def __init__(self, viewer: Any, folder: Path, clip: Path | None = None) -> None:
        self.engine = FakeEngine(SIZE, NUM_FRAMES)
        self.studio = Studio(
            viewer,
            engine_factory=lambda: self.engine,
            settings=StudioSettings(projects_folder=folder),
        )
        self.sentences: list[str] = []
        self.studio.failed.connect(self.sentences.append)
        self.correction = self.studio.feature(Correction)
        self._spread = self.correction.strip.chosen()
        self._proposing = self.studio.panel.propose.settings()
        if clip is not None:
            self._open(clip)

    def _open(self, clip: Path) -> None:
        assert self.studio.open_path(clip)
        self.editor = self.studio.workspace.editor
        self.project = self.studio.project
        self.video_id = self.studio.workspace.session.entry.id

    def begin_anew(self, folder: Path, clip: Path | None = None) -> None:
        """Open another clip with an engine that was asked nothing, as in a studio just made."""
        self.engine.__init__(SIZE, NUM_FRAMES)
        self.studio.settings = StudioSettings(projects_folder=folder)
        if clip is not None:
            self._open(clip)
        self.sentences.clear()

    def leave(self) -> None:
        """Let nothing go on and nothing be open; what one works with is as it was at first."""
        self.engine.end_jobs()
        self.studio.tasks.cancel()
        self.studio.close_project()
        for dialog in self.studio.panel.findChildren(QDialog):  # some linger once they are closed
            dialog.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.studio.panel.banner.clear()
        self.studio.panel.show_page("tracks")
        self.correction.strip.choose(*self._spread)
        self.correction.strip.auto.setChecked(False)
        self.studio.panel.propose.show_settings(self._proposing)

    def close(self) -> None:
        """Close the studio, and with it the engine that it asked for anything."""
        self.studio.close()
        assert self.engine.closed or not self.engine.requests
        self.engine.close()

    @property
    def layer(self):
        return self.studio.layers.layers[-1]

    @property
    def picture(self):
        """The drawn masks of the frame."""
        return self.studio.layers.layers[1].data

    @property
    def said(self) -> str:
        """What the window says."""
        return self.studio.panel.banner.text

    def drag(self, *points: tuple[float, float], modifiers: tuple[str, ...] = ()) -> None:
        """Press, move and release on the editing layer."""
        drag(self.layer, *points, modifiers=modifiers)

    def asked(self, kind: str) -> dict[str, Any]:
        """Parameters of the last job of a kind (estimates are asked for in between)."""
        return [params for asked, params in self.engine.requests if asked == kind][-1]

    def corrected(self, frame_index: int = 3) -> int:
        """A track with one corrected frame, which is shown."""
        self.studio.layers.go_to(frame_index)
        result = self.editor.commit_rle(disc(SIZE, (20, 30), 8), "Paint")
        return int(result.tracks_added[0])

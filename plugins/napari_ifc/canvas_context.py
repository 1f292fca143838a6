"""Layers leave while the canvas' own OpenGL context is the current one.

napari frees what a removed layer had on the graphics card at once, with whichever context is
current (``VispyCanvas._clean_and_update_scenegraph`` flushes without making the canvas' own
current). After a painting that is the one in which Qt puts the window together. It shares the
objects with the canvas', so that the right ones are freed, but behind the back of the canvas'
context: Mesa's software OpenGL then draws with freed memory, and the program ends in
``glDrawArrays``, where a layer that stays is drawn by the same shaders, as two Labels layers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtOpenGLWidgets import QOpenGLWidget

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QMainWindow


class CanvasContext:
    """Makes the canvas' context current before any layer is removed, whoever removes it.

    Args:
        viewer: The viewer.
        main: Its window.

    Attributes:
        canvas: The canvas, which is also where keys are pressed; ``None`` where there is none.
    """

    def __init__(self, viewer: napari.Viewer, main: QMainWindow) -> None:
        middle = main.centralWidget()
        self.canvas = None if middle is None else middle.findChild(QOpenGLWidget)
        self._layers = viewer.layers
        self._layers.events.removing.connect(self._on_removing)

    def close(self) -> None:
        """Stop listening."""
        self._layers.events.removing.disconnect(self._on_removing)

    def _on_removing(self, event: Any = None) -> None:
        if self.canvas is not None and isalive(self.canvas):
            self.canvas.makeCurrent()  # does nothing where it was never shown

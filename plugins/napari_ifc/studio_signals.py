"""What a studio tells those who listen to it."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class StudioSignals(QObject):
    """The signals of :class:`napari_ifc.studio.Studio`.

    Attributes:
        opened: Emitted with the :class:`ifc_core.structures.Video` that is now shown.
        preview_shown: Emitted when the first frames of a file are shown that is still looked
            through.
        run_measured: Emitted with frames and seconds of a run that succeeded.
        theme_requested: Emitted with the theme that a person chose for the desktop program.
        shortcuts_changed: Emitted after actions got other keys.
        closed: Emitted when the studio begins to end, while everything still stands.
        closing: Emitted while what is open can still be looked at, before it is put down.
        project_closed: Emitted after a project was closed.
        run_changed: Emitted with the :class:`napari_ifc.rows.RunView` of the propose run.
        run_finished: Emitted once a run ended: ``"succeeded"``, ``"failed"`` or ``"cancelled"``.
        task_changed: Emitted with the ``RunView`` of the newest long work beside it.
        project_changed: Emitted after each edit, undo and redo with its ``EditResult``.
        frame_changed: Emitted with the index of the frame that is now shown.
        selection_changed: Emitted with the selected track ids, the current one first.
        finetune_finished: Emitted once a fine-tuning ended, as ``run_finished`` is.
        failed: Emitted with one sentence for each error that is shown.
    """

    opened = Signal(object)
    closing = Signal()
    preview_shown = Signal()
    closed = Signal()
    run_measured = Signal(int, float)
    theme_requested = Signal(str)
    shortcuts_changed = Signal()
    project_closed = Signal()
    run_changed = Signal(object)
    run_finished = Signal(str)
    task_changed = Signal(object)
    project_changed = Signal(object)
    frame_changed = Signal(int)
    selection_changed = Signal(tuple)
    finetune_finished = Signal(str)
    failed = Signal(str)

"""The state of the machine and the engine: a line in the panel, and a dialog with the logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.diagnostics import (
    Speed,
    diagnostics_text,
    log_files,
    log_tail,
    machine_rows,
    status_text,
)
from napari_ifc.feature import Feature
from napari_ifc.language import tr
from napari_ifc.views.system_dialog import SystemDialog

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


class System(Feature):
    """Device, memory and speed.

    Attributes:
        report: The engine's last description of the machine; empty before the first.
        speed: Of the last run.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.report: dict[str, Any] = {}
        self.speed: Speed | None = None
        self._dialog: SystemDialog | None = None
        studio.run_measured.connect(self._on_run)
        # Once the first job is on its way, so that it is not kept waiting.
        studio.engine.on_started = lambda: QTimer.singleShot(0, self._ask_if_open)

    def actions(self) -> Iterable[Action]:
        """The dialog."""
        yield Action(
            "help.system",
            tr("System and logs…"),
            self.show_dialog,
            group=tr("Help"),
            tip=tr("Devices, memory, speed, log files, and diagnostics to copy."),
        )

    def started(self) -> None:
        """Show the line."""
        self.studio.panel.status.clicked.connect(lambda: self.studio.run_action("help.system"))
        self._show()

    def show_dialog(self) -> SystemDialog:
        """Show devices, memory, speed and logs."""
        dialog = SystemDialog(self.studio.panel)
        dialog.refresh_requested.connect(self.ask)
        dialog.log_requested.connect(self._show_log)
        dialog.finished.connect(self._on_closed)
        self._dialog = dialog
        files = log_files()
        dialog.show_logs(files)
        if files:
            self._show_log(files[0])
        self._show()
        dialog.open()
        self.ask()
        return dialog

    def _on_closed(self, result: int) -> None:
        self._dialog = None

    def _ask_if_open(self) -> None:
        if not self.studio.is_closed:
            self.ask()

    def ask(self) -> None:
        """Ask the engine what the machine offers; starts it if need be."""
        try:
            self.studio.ask_engine("system", {}, self._on_answer)
        except IFCError as error:
            self.studio.fail(error)

    def _on_answer(self, event: JobEvent | JobEnd) -> None:
        if isinstance(event, JobEnd) and event.status is JobStatus.SUCCEEDED:
            self._take_report(event.result)

    def _take_report(self, report: dict[str, Any]) -> None:
        self.report = report
        names = [str(device["name"]) for device in report.get("devices", ())]
        self.studio.panel.propose.set_devices(["auto", *names])
        self._show()

    def _on_run(self, frames: int, seconds: float) -> None:
        self.speed = Speed(frames, seconds)
        self._show()

    def _show(self) -> None:
        self.studio.panel.status.setText(status_text(self.report, self.speed))
        if self._dialog is not None:
            rows = machine_rows(self.report, self.speed)
            self._dialog.show_facts(rows, diagnostics_text(rows, log_files(), self._open_text()))

    def _open_text(self) -> str:
        workspace = self.studio.workspace
        if workspace is None:
            return ""
        return tr("{facts} · {count} tracks").format(
            facts=workspace.summary().facts, count=len(workspace.index)
        )

    def _show_log(self, path: Path | None) -> None:
        if self._dialog is not None and path is not None:
            self._dialog.show_log(log_tail(path))

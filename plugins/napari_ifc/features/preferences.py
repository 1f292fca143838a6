"""The settings of the person, and their effect on the window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ifc_core.config import Settings
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.preferences import Preferences
from napari_ifc.feature import Feature
from napari_ifc.language import tr
from napari_ifc.settings import StudioSettings
from napari_ifc.views.settings_dialog import SettingsDialog

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

_DRAWING = frozenset({"overlay_opacity", "contour_width_px", "show_ids", "color_by"})
_KEPT = frozenset({"projects_folder", "frame_memory_mib"})


class PreferencesFeature(Feature):
    """Reads the settings at the start, and shows the dialog that changes them."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._early: list[IFCError] = []
        self.controller = Preferences(self._on_changed, self._on_failed)
        self._usual: dict[str, str] = {}
        self._dialog: SettingsDialog | None = None
        self._start_engine_choices()

    def _start_engine_choices(self) -> None:
        settings = self.controller.settings
        self.studio.panel.propose.show_hardware(settings.device, settings.precision)

    def actions(self) -> Iterable[Action]:
        """The dialog."""
        yield Action(
            "edit.settings",
            tr("Settings…"),
            self.show_dialog,
            group=tr("Edit"),
            tip=tr("Device, memory, theme, colours and keys."),
        )

        yield Action(
            "help.keys",
            tr("Keyboard shortcuts…"),
            lambda: self.show_dialog().show_keys(),
            shortcut="F1",
            group=tr("Help"),
            tip=tr("All keys, to search and to change."),
        )

    def started(self) -> None:
        """Give the actions the keys that the person chose."""
        self._usual = {action.id: action.shortcut for action in self.studio.actions}
        if self.controller.settings.shortcuts:
            self._bind()
        for error in self._early:
            self.studio.fail(error)
        self._early.clear()

    def show_dialog(self) -> SettingsDialog:
        """Show the settings; changes take effect at once."""
        dialog = SettingsDialog(self.controller.settings, self.studio.actions, self.studio.panel)
        dialog.changed.connect(lambda name, value: self.controller.change(**{name: value}))
        dialog.shortcut_requested.connect(self._set_shortcut)
        dialog.reset_requested.connect(self.controller.reset)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog = dialog
        dialog.open()
        return dialog

    def _on_dialog_closed(self, result: int) -> None:
        self._dialog = None

    def _set_shortcut(self, action_id: str, key: str) -> None:
        reason = self.controller.set_shortcut(self.studio.actions, self._usual, action_id, key)
        if self._dialog is not None:
            self._dialog.show_message(reason)

    def _on_failed(self, error: IFCError) -> None:
        if self._usual:
            self.studio.fail(error)
        else:  # the window is still being built
            self._early.append(error)

    # Effects

    def _on_changed(self, names: frozenset[str], settings: Settings) -> None:
        studio = self.studio
        if names & (_DRAWING | _KEPT):
            studio.settings = StudioSettings.of_user(settings)
        if names & _DRAWING:
            studio.layers.set_style(
                replace(
                    studio.layers.style,
                    opacity=settings.overlay_opacity,
                    contour_width_px=settings.contour_width_px,
                    show_ids=settings.show_ids,
                    color_by=settings.color_by,
                )
            )
            studio.presenter.canvas()
        if names & {"device", "precision"}:
            self._start_engine_choices()
        if "theme" in names:
            studio.theme_requested.emit(settings.theme)
        if "shortcuts" in names:
            self._bind()
        if self._dialog is not None:
            self._dialog.show_settings(settings)

    def _bind(self) -> None:
        studio = self.studio
        self.controller.apply_shortcuts(studio.actions, self._usual)
        studio.window.bind_shortcuts()
        studio.window.bind_keys()
        studio.shortcuts_changed.emit()
        studio.presenter.actions()  # tips of buttons tell the keys
        if self._dialog is not None:
            self._dialog.show_actions(studio.actions)

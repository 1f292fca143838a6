"""The person's settings: read once, changed one at a time, written at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ifc_core.config import Settings, read_settings, settings_from, write_settings
from ifc_core.errors import ConfigError, IFCError
from napari_ifc.actions import ActionTable
from napari_ifc.language import tr


class Preferences:
    """Holds the settings of this user.

    A settings file that cannot be read is told of and left as it is until something is changed.

    Args:
        on_changed: Called with the names of what changed and the new settings.
        on_failed: Called with an error: the file cannot be read or written.
    """

    def __init__(
        self,
        on_changed: Callable[[frozenset[str], Settings], None],
        on_failed: Callable[[IFCError], None],
    ) -> None:
        self._on_changed = on_changed
        self._on_failed = on_failed
        try:
            self.settings = read_settings()
        except ConfigError as error:
            self.settings = Settings()
            on_failed(error)

    def change(self, **values: Any) -> bool:
        """Change settings and write them.

        Returns:
            Whether they are as asked now; if not, ``on_failed`` was told why.
        """
        try:
            changed = settings_from(dataclasses.asdict(self.settings) | values)
            write_settings(changed)
        except IFCError as error:
            self._on_failed(error)
            return False
        before, self.settings = self.settings, changed
        names = frozenset(n for n in values if getattr(before, n) != getattr(changed, n))
        if names:
            self._on_changed(names, changed)
        return True

    def reset(self) -> None:
        """Go back to how the program came."""
        self.change(**dataclasses.asdict(Settings()))

    # Keys

    def apply_shortcuts(self, actions: ActionTable, usual: dict[str, str]) -> None:
        """Give the actions the keys that the person chose, and the usual ones otherwise.

        Args:
            actions: The table.
            usual: Action -> key sequence as the program came.
        """
        chosen = self.settings.shortcuts
        for action_id in usual:  # free every key first, so that two can change places
            actions.set_shortcut(action_id, "")
        for action_id in sorted(usual, key=lambda i: i not in chosen):
            key = chosen.get(action_id, usual[action_id])
            if actions.holder_of(key) is None and key not in actions.reserved:
                actions.set_shortcut(action_id, key)

    def set_shortcut(
        self, actions: ActionTable, usual: dict[str, str], action_id: str, key: str
    ) -> str:
        """Give an action a key sequence.

        Returns:
            Why not, as one sentence; empty if it was done.
        """
        holder = actions.holder_of(key, action_id)
        taken = actions.reserved.get(key, "") if holder is None else holder.text
        if taken:
            return tr("{key} already belongs to “{text}”.").format(key=key, text=taken)
        shortcuts = dict(self.settings.shortcuts)
        if key == usual[action_id]:
            shortcuts.pop(action_id, None)
        else:
            shortcuts[action_id] = key
        return "" if self.change(shortcuts=shortcuts) else tr("The settings could not be written.")

"""Buttons that stand for actions of the table: enabled where they can act, else saying why not."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QAbstractButton

from napari_ifc.actions import ActionTable


def show_actions(
    buttons: Mapping[str, QAbstractButton],
    actions: ActionTable | None,
    *,
    named: bool = False,
    words: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Enable each button as its action says, and tell in its tip why not.

    Args:
        buttons: By action id.
        actions: The table; nothing happens before there is one.
        named: Also give the action's name and key in the tip, for buttons that show an icon only.
        words: Name and tip of actions that do something particular now, by id.
    """
    if actions is None:
        return
    for action_id, button in buttons.items():
        action = actions[action_id]
        reason = action.why_not()
        text, meant = (words or {}).get(action_id, (action.text, action.tip))
        tip = reason or meant
        if named:
            tip = f"{action.keyed()}\n{tip}".strip()
        button.setEnabled(not reason)
        if button.toolTip() != tip:  # Qt tells all that listen, also where nothing changed
            button.setToolTip(tip)
        if button.accessibleName() != text:
            button.setAccessibleName(text)

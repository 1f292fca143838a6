"""Menus of actions of the table: what is possible, why not, and the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from qtpy.QtWidgets import QMenu

from napari_ifc.actions import Action, ActionTable


def fill_menu(
    menu: QMenu, sections: Iterable[Sequence[Action]], run: Callable[[str], object]
) -> list[QMenu]:
    """Add actions to a menu, a line between sections; some stand in menus inside it.

    Args:
        menu: The menu of a group.
        sections: Its actions, as ``ActionTable.by_group`` gives them.
        run: Called with the id of an action that is chosen.

    Returns:
        The menu and those inside it; each needs :func:`show_state` before it is seen.
    """
    inner: dict[str, QMenu] = {}
    for section in sections:
        menu.addSeparator()
        for action in section:
            holder = menu
            if action.submenu:
                if action.submenu not in inner:
                    inner[action.submenu] = menu.addMenu(action.submenu)
                holder = inner[action.submenu]
            entry = holder.addAction(action.menu_text() or action.text)
            entry.setData(action.id)
            entry.setToolTip(action.tip)
            entry.triggered.connect(lambda _=False, action_id=action.id: run(action_id))
    menus = [menu, *inner.values()]
    for each in menus:
        each.setToolTipsVisible(True)
    return menus


def show_state(menu: QMenu, actions: ActionTable) -> None:
    """Show which actions of a menu are possible, why not, and their keys.

    Args:
        menu: The menu; entries of others than actions are left alone.
        actions: The table.
    """
    for entry in menu.actions():
        if not entry.data():
            continue
        action = actions[entry.data()]
        reason, text = action.why_not(), action.menu_text()
        entry.setEnabled(not reason)
        entry.setToolTip(reason or action.tip)
        entry.setText(text)
        entry.setVisible(bool(text))
        entry.setCheckable(action.checked is not None)
        entry.setChecked(not reason and action.checked is not None and action.checked())

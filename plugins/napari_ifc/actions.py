"""One table of everything a person can do; menus, keys, palette and tests read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from napari_ifc.language import tr
from napari_ifc.search_words import SEARCH_WORDS

GROUPS = (
    tr("File"),
    tr("Edit"),
    tr("View"),
    tr("Go"),
    tr("Draw"),
    tr("Track"),
    tr("Class"),
    tr("Range"),
    tr("Correct"),
    tr("Propose"),
    tr("Review"),
    tr("Videos"),
    tr("Help"),
)
"""Headings of actions in the order of the menus; others stand behind them."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do.

    Attributes:
        id: Stable name, such as ``"track.delete"``.
        text: What menus and the palette show, in the imperative.
        callback: Does it. Called without arguments.
        shortcut: Key sequence in Qt's portable text (``"Ctrl+Shift+Z"``), or empty.
        group: Heading under which it is listed.
        section: Menus draw a line between what is of different sections; where it is empty the
            first part of the id stands for it.
        submenu: Title of a menu inside that of the group in which it stands; empty for none.
        why_not: Returns an empty string while the action is possible, else one sentence
            that says why it is not.
        tip: One sentence of help.
        checked: Whether it is switched on, for actions that switch something.
        text_now: What menus show instead of the text at the moment; where it is empty they leave
            the action out.
        words: Other words under which the palette finds it, beside those of ``search_words``.
        repeats: Whether a key that is held does it again and again. Only for small steps whose
            effect is seen as they are made.
    """

    id: str
    text: str
    callback: Callable[[], object]
    shortcut: str = ""
    group: str = ""
    why_not: Callable[[], str] = lambda: ""
    tip: str = ""
    checked: Callable[[], bool] | None = None
    text_now: Callable[[], str] | None = None
    words: str = ""
    repeats: bool = False
    section: str = ""
    submenu: str = ""

    def keyed(self, text: str = "") -> str:
        """A text with the key that stands for the action now: ``"Undo (Ctrl+Z)"``."""
        text = text or self.text
        return f"{text} ({self.shortcut})" if self.shortcut else text

    def menu_text(self) -> str:
        """What a menu shows now, the key behind a tabulator; empty where it is left out."""
        text = self.text if self.text_now is None else self.text_now()
        return f"{text}\t{self.shortcut}" if text and self.shortcut else text

    @property
    def enabled(self) -> bool:
        """Whether the action is possible now."""
        return not self.why_not()


class ActionTable:
    """Actions by id, in the order in which they were added.

    Args:
        on_refused: Called with the sentence when a disabled action is triggered.

    Attributes:
        reserved: Key sequences of the window itself, and what they do; no action can have them.
    """

    def __init__(self, on_refused: Callable[[str], None] = lambda reason: None) -> None:
        self._actions: dict[str, Action] = {}
        self._elsewhere: dict[str, tuple[Callable[[], bool], Callable[[], str]]] = {}
        self._on_refused = on_refused
        self.reserved: dict[str, str] = {}

    def add(self, action: Action) -> Action:
        """Add an action.

        Raises:
            ValueError: The id or the shortcut is taken.
        """
        if action.id in self._actions:
            raise ValueError(f"There is already an action {action.id!r}.")
        taken = {a.shortcut: a.id for a in self if a.shortcut}
        if action.shortcut in taken:
            raise ValueError(f"{action.shortcut} already belongs to {taken[action.shortcut]!r}.")
        self._actions[action.id] = action
        return action

    def holder_of(self, shortcut: str, except_id: str = "") -> Action | None:
        """The action that has a key sequence, other than ``except_id``."""
        if not shortcut:
            return None
        return next((a for a in self if a.shortcut == shortcut and a.id != except_id), None)

    def set_shortcut(self, action_id: str, shortcut: str) -> None:
        """Give an action another key sequence, or none.

        Raises:
            ValueError: Another action has it.
        """
        holder = self.holder_of(shortcut, action_id)
        if holder is not None:
            raise ValueError(f"{shortcut} already belongs to “{holder.text}”.")
        self._actions[action_id] = replace(self._actions[action_id], shortcut=shortcut)

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def by_group(self) -> list[tuple[str, list[list[Action]]]]:
        """Menus: each group's actions, by section."""
        groups: dict[str, dict[str, list[Action]]] = {group: {} for group in GROUPS}
        for action in self:
            sections = groups.setdefault(action.group, {})
            section = action.section or action.id.partition(".")[0]
            sections.setdefault(section, []).append(action)
        return [(name, list(found.values())) for name, found in groups.items() if found]

    def __len__(self) -> int:
        return len(self._actions)

    def __getitem__(self, action_id: str) -> Action:
        """The action, named as what it does now."""
        return self._as_meant(self._actions[action_id])

    def __contains__(self, action_id: str) -> bool:
        return action_id in self._actions

    def search(self, text: str) -> list[Action]:
        """Actions that are called so: every word of ``text`` is found in one, best first.

        What has all of them in group, text and other words stands before what has some of them
        only in the sentence of help.
        """
        words = text.lower().split()
        scored: list[tuple[int, int, Action]] = []
        for order, action in enumerate(map(self._as_meant, self)):
            others = "" if self.meant(action.id) else SEARCH_WORDS.get(action.id, "")
            named = f"{action.text} {action.group} {action.id} {action.words} {others}".lower()
            helped = f"{named} {action.tip.lower()}"
            if all(word in helped for word in words):
                starts = sum(action.text.lower().startswith(word) for word in words)
                only_in_help = sum(word not in named for word in words)
                scored.append((len(words) * only_in_help - starts, order, action))
        return [action for _, _, action in sorted(scored, key=lambda item: item[:2])]

    def lead_elsewhere(
        self, action_id: str, call: Callable[[], bool], meant: Callable[[], str]
    ) -> None:
        """Let an action mean something else at times.

        Args:
            action_id: The action.
            call: Called in its place; where it returns ``False`` the action is done after all.
            meant: The text of what is done in its place now, as menus show it; empty while the
                action means what it always does.
        """
        self._elsewhere[action_id] = (call, meant)

    def meant(self, action_id: str) -> str:
        """The text of what is done in an action's place now; empty where it means itself."""
        return self._elsewhere[action_id][1]() if action_id in self._elsewhere else ""

    def _as_meant(self, action: Action) -> Action:
        text = self.meant(action.id)
        if not text:
            return action
        return replace(action, text=text, why_not=lambda: "", tip="", text_now=None, words="")

    def run(self, action_id: str) -> bool:
        """Do an action if it is possible now.

        Returns:
            Whether it was done; if not, ``on_refused`` was told why.
        """
        if action_id in self._elsewhere and self._elsewhere[action_id][0]():
            return True
        action = self._actions[action_id]
        reason = action.why_not()
        if reason:
            self._on_refused(reason)
            return False
        action.callback()
        return True

"""What a training could not write: a full disk ends no run that could go on."""

from __future__ import annotations

from collections.abc import Callable

from ifc_core.errors import OutputError


class Unwritten:
    """Files that a run tries to write as it goes, and says so where it cannot."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def attempt(self, what: str, write: Callable[[], object]) -> None:
        """Write something that the run itself does not need.

        Args:
            what: The files, in a word, such as ``state``; a later success takes its failure back.
            write: Writes them.
        """
        self._reasons.pop(what, None)
        try:
            write()
        except (OutputError, OSError) as error:
            self._reasons[what] = str(error).rstrip(".")

    def __str__(self) -> str:
        """What is behind, to be put after what progress says; empty where nothing is."""
        return "".join(f", {what} not saved ({why})" for what, why in self._reasons.items())

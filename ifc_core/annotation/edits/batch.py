"""Several edits as one step of the history."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.transaction import EditTransaction


@dataclass(frozen=True, slots=True)
class Batch(Edit):
    """Several edits as one; all or none of them happen.

    Attributes:
        edits: The edits, in order.
        label: Line for the history list; by default the label of the first edit.
    """

    edits: tuple[Edit, ...]
    label: str = ""

    def perform(self, tx: EditTransaction) -> str:
        """Make the edits one after the other."""
        if not self.edits:
            tx.fail("A batch needs at least one edit.")
        labels = [edit.perform(tx) for edit in self.edits]
        return self.label or labels[0]

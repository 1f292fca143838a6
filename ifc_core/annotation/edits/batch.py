"""Several edits as one step of the history."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.edits.base import Edit


@dataclass(frozen=True, slots=True)
class Batch(Edit):
    """Several edits as one; all or none of them happen.

    Attributes:
        edits: The edits, in order.
        label: Line for the history list; by default the label of the first edit.
    """

    edits: tuple[Edit, ...]
    label: str = ""

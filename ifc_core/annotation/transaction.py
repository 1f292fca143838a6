"""One open edit: writes rows and records the old and new value of each."""

from __future__ import annotations


class EditTransaction:
    """The transaction of one edit."""

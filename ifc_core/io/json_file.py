"""Small JSON files, read at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ifc_core.errors import FormatError


def read_json_file(path: Path) -> Any:
    """What a JSON file holds; the caller checks what it is.

    Raises:
        FormatError: It cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not valid JSON.", path=path) from error

"""Small JSON files, read at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ifc_core.errors import FormatError

_MOST_BYTES = 100 << 20
"""One that holds a picture of 4K has less; lists of numbers take forty times as much memory."""


def read_json_file(path: Path) -> Any:
    """What a JSON file holds; the caller checks what it is.

    Raises:
        FormatError: It cannot be read, is no JSON, or has more than 100 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise FormatError(
                f"{path} has more than {_MOST_BYTES >> 20} MiB, too much for a file that is read "
                "at once.",
                path=path,
            )
        return json.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not valid JSON.", path=path) from error

"""Errors across the pipe: class, sentence and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ifc_core import errors
from ifc_core.errors import DeviceMemoryError, EngineError, IFCError

_PATH_KEY = "__path__"


def encode_error(error: BaseException, what: str) -> dict[str, Any]:
    """Turn an exception into JSON values.

    Args:
        error: One of ours keeps its class and data; anything else becomes an
            :class:`EngineError` that names it.
        what: The kind of job that failed.

    Returns:
        ``class``, ``message`` and ``data``.
    """
    ours = error if isinstance(error, IFCError) else _adopt(error, what)
    data = {name: _plain(value) for name, value in vars(ours).items() if name[0] != "_"}
    return {"class": type(ours).__name__, "message": str(ours), "data": data}


def decode_error(value: object) -> IFCError:
    """Build the exception again.

    Args:
        value: What :func:`encode_error` gave.

    Returns:
        The error; an :class:`EngineError` where the class is not one of ours.
    """
    if not isinstance(value, dict):
        return EngineError("The engine failed without saying why.")
    kind = getattr(errors, str(value.get("class")), None)
    message = str(value.get("message", "The engine failed."))
    if not (isinstance(kind, type) and issubclass(kind, IFCError)):
        return EngineError(message)
    error = kind.__new__(kind, message)
    data = value.get("data")
    for name, item in (data if isinstance(data, dict) else {}).items():
        setattr(error, str(name), _restored(item))
    return error


def _adopt(error: BaseException, what: str) -> IFCError:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        device = "cpu" if isinstance(error, MemoryError) else "cuda"
        return DeviceMemoryError(
            f"There is too little memory for {what!r}; choose a smaller short side or clip length.",
            device=device,
        )
    sentence = " ".join(f"{type(error).__name__}: {error}".split())
    return EngineError(f"The engine failed in {what!r} ({sentence[:300]}).")


def _plain(value: object) -> Any:
    if isinstance(value, Path):
        return {_PATH_KEY: str(value)}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return repr(value)[:300]


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if _PATH_KEY in value:
            return Path(value[_PATH_KEY])
        return {name: _restored(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    return value

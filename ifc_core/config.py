"""Where the program keeps its files for a user, and the user's settings (TOML)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifc_core.errors import ConfigError, OutputError

HOME_VARIABLE = "IFC_STUDIO_HOME"
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")
COLORS_BY = ("track", "class", "lineage")
"""Whose colours masks can have."""
THEMES = ("dark", "light", "system")
_APP = "ifc-studio"


def _folder(name: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home) / name
    import platformdirs  # loaded when needed: training on generated clips does without

    return Path(getattr(platformdirs, f"user_{name}_dir")(_APP, appauthor=False))


def from_home(path: str | Path) -> Path:
    """A path that may begin with the folder of a user, ``~`` or ``~name``.

    A ``~`` before no user's name is part of the name of a file; ``Path.expanduser`` raises for it.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def config_dir() -> Path:
    """Folder of the settings. ``IFC_STUDIO_HOME`` moves this and the ones below."""
    return _folder("config")


def data_dir() -> Path:
    """Folder of what the user adds, such as imported models (in ``models/``)."""
    return _folder("data")


def cache_dir() -> Path:
    """Folder of what can be computed again; the settings may name another place."""
    with contextlib.suppress(ConfigError):
        chosen = read_settings().cache_folder
        if chosen:
            return from_home(chosen)
    return _folder("cache")


def log_dir() -> Path:
    """Folder of the log files."""
    return _folder("log")


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings; every field has a working default.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        model: Name or file of the model to propose with; empty means the bundled one.
        num_threads: Processor threads of the engine process; 0 leaves it to torch.
        feature_memory_gib: Bound on kept features of clips, in GiB.
        feature_disk_gib: Bound on those on disk, in GiB; 0 keeps none there.
        cache_folder: Where what can be computed again is kept; empty for the usual place.
        theme: ``dark``, ``light`` or ``system``; of the desktop program.
        language: Name of the window's translation; empty for English.
        overlay_opacity: Opacity of filled masks, 0 to 1.
        contour_width_px: Width of mask outlines.
        show_ids: Whether each mask carries its track number.
        color_by: Whose colours masks have: ``track``, ``class`` or ``lineage``.
        frame_memory_mib: Bound on decoded frames in the window, in MiB.
        projects_folder: Where projects of newly opened videos are made; empty puts each beside
            its video.
        shortcuts: Action -> key sequence, where a person changed it; empty for no key.
    """

    device: str = "auto"
    precision: str = "auto"
    model: str = ""
    num_threads: int = 0
    feature_memory_gib: float = 2.0
    feature_disk_gib: float = 0.0
    cache_folder: str = ""
    theme: str = "dark"
    language: str = ""
    overlay_opacity: float = 0.45
    contour_width_px: int = 2
    show_ids: bool = True
    color_by: str = "track"
    frame_memory_mib: int = 512
    projects_folder: str = ""
    shortcuts: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values."""
        _one_of("device", self.device, DEVICES)
        _one_of("precision", self.precision, PRECISIONS)
        _range("num_threads", self.num_threads, 0, 1024)
        _one_of("theme", self.theme, THEMES)
        _one_of("color_by", self.color_by, COLORS_BY)
        _range("overlay_opacity", self.overlay_opacity, 0, 1)
        _range("contour_width_px", self.contour_width_px, 1, 8)
        _range("frame_memory_mib", self.frame_memory_mib, 64, 1 << 20)
        _range("feature_memory_gib", self.feature_memory_gib, 0, 1 << 20)
        _range("feature_disk_gib", self.feature_disk_gib, 0, 1 << 20)


def settings_path() -> Path:
    """The settings file."""
    return config_dir() / "settings.toml"


def read_settings(path: Path | None = None) -> Settings:
    """Read the settings; a missing file gives the defaults.

    Args:
        path: The file; :func:`settings_path` where left out.

    Returns:
        The settings.

    Raises:
        ConfigError: The file is not TOML, or names an unknown or impossible setting.
    """
    source = path or settings_path()
    try:
        values = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The settings file {source} cannot be read ({error}); correct or delete it.",
            name=str(source),
            value=None,
        ) from error
    return settings_from(values)


def settings_from(values: dict[str, Any]) -> Settings:
    """Build settings from plain values.

    Args:
        values: Field name -> value, as TOML gives them.

    Returns:
        The settings, defaults for what is left out.

    Raises:
        ConfigError: An unknown name or a value of the wrong type.
    """
    defaults = Settings()
    if "color_by_class" in values:  # before there were lineages
        values = {"color_by": "class" if values["color_by_class"] else "track", **values}
        del values["color_by_class"]
    known = {field.name for field in dataclasses.fields(Settings)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"There is no setting called {name!r}.", name=name, value=value)
        checked[name] = _coerce(name, value, getattr(defaults, name))
    return Settings(**checked)


def write_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings, whole or not at all.

    Args:
        settings: What to write.
        path: The file; :func:`settings_path` where left out.

    Raises:
        OutputError: The file cannot be written.
    """
    target = path or settings_path()
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(_to_toml(settings), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(f"{target} cannot be written: {error.strerror}.", path=target) from error


def _to_toml(settings: Settings) -> str:
    lines: list[str] = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if not isinstance(value, dict):
            lines.append(f"{field.name} = {_toml_value(value)}")
    lines += ["", "[shortcuts]"]
    lines += [f"{_quote(k)} = {_quote(v)}" for k, v in sorted(settings.shortcuts.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _quote(value) if isinstance(value, str) else repr(value)


def _quote(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's, save for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _coerce(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    wrong_items = isinstance(value, dict) and not all(isinstance(v, str) for v in value.values())
    if type(value) is not type(default) or wrong_items:
        raise ConfigError(
            f"The setting {name!r} has a value of the wrong kind: {value!r}.",
            name=name,
            value=value,
        )
    return value


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(
            f"The setting {name!r} is {value!r}, but must be one of {', '.join(allowed)}.",
            name=name,
            value=value,
        )


def _range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(
            f"The setting {name!r} is {value!r}, but must lie between {low} and {high}.",
            name=name,
            value=value,
        )

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifc_core import config
from ifc_core.config import Settings, from_home, read_settings, settings_from, write_settings
from ifc_core.errors import ConfigError, OutputError

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


def test_a_missing_file_gives_the_defaults() -> None:
    assert read_settings() == Settings()


@given(
    shortcuts=st.dictionaries(text, text, max_size=3),
    threads=st.integers(0, 1024),
    gib=st.floats(0, 64),
    device=st.sampled_from(config.DEVICES),
)
def test_settings_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    shortcuts: dict[str, str],
    threads: int,
    gib: float,
    device: str,
) -> None:
    path = tmp_path_factory.mktemp("settings") / "s.toml"
    settings = Settings(
        device=device,
        shortcuts=shortcuts,
        num_threads=threads,
        feature_memory_gib=gib,
    )
    write_settings(settings, path)
    assert read_settings(path) == settings
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "values",
    [
        {"colour": 1},
        {"device": "tpu"},
        {"num_threads": "2"},
        {"num_threads": True},
        {"num_threads": -1},
        {"shortcuts": "x"},
        {"shortcuts": {"a": 1}},
    ],
)
def test_unknown_and_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        settings_from(values)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("device = ")
    with pytest.raises(ConfigError, match="settings file"):
        read_settings(path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_settings(Settings(), tmp_path / "file" / "s.toml")


def test_one_variable_moves_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(config.HOME_VARIABLE, str(tmp_path))
    folders = {config.config_dir(), config.data_dir(), config.cache_dir(), config.log_dir()}
    assert len(folders) == 4
    assert all(folder.parent == tmp_path for folder in folders)
    monkeypatch.delenv(config.HOME_VARIABLE)
    assert tmp_path not in config.log_dir().parents


def test_a_tilde_before_no_users_name_is_part_of_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert from_home("~/clips") == tmp_path / "clips"
    assert from_home("~nobody-of-that-name/clips") == Path("~nobody-of-that-name/clips")
    assert from_home(Path("clips")) == Path("clips")


def test_colours_that_were_set_before_there_were_lineages_are_kept(tmp_path):
    path = tmp_path / "settings.toml"
    for line, expected in (
        ("color_by_class = true", "class"),
        ("color_by_class = false", "track"),
        ('color_by_class = true\ncolor_by = "lineage"', "lineage"),
    ):
        path.write_text(line)
        assert read_settings(path).color_by == expected
    with pytest.raises(ConfigError):
        Settings(color_by="mood")

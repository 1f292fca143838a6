"""Settings: written at once, keys without conflicts, a broken file told of."""

import pytest

from ifc_core.config import read_settings, settings_path
from napari_ifc.actions import Action, ActionTable
from napari_ifc.controllers.preferences import Preferences


@pytest.fixture
def told():
    return {"changed": [], "failed": []}


@pytest.fixture
def preferences(told):
    return Preferences(
        lambda names, settings: told["changed"].append(set(names)),
        lambda error: told["failed"].append(str(error)),
    )


@pytest.fixture
def actions():
    table = ActionTable()
    for number, key in enumerate(("A", "B", ""), start=1):
        table.add(Action(f"do.{number}", f"Do {number}", lambda: None, shortcut=key))
    return table


USUAL = {"do.1": "A", "do.2": "B", "do.3": ""}


def test_a_change_is_on_disk_and_told_once(preferences, told):
    assert preferences.change(theme="light", overlay_opacity=0.2)
    assert told["changed"] == [{"theme", "overlay_opacity"}]
    assert read_settings().theme == "light"
    assert preferences.change(theme="light")
    assert len(told["changed"]) == 1


def test_an_impossible_value_changes_nothing(preferences, told):
    assert not preferences.change(theme="pink")
    assert "pink" in told["failed"][0]
    assert preferences.settings.theme == "dark"
    assert not settings_path().exists()


def test_a_broken_file_is_told_of_and_kept(told):
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text("theme = [")
    made = Preferences(lambda *_: None, lambda error: told["failed"].append(str(error)))
    assert "cannot be read" in told["failed"][0]
    assert made.settings.theme == "dark"
    assert settings_path().read_text() == "theme = ["


def test_a_taken_key_is_refused_and_keys_can_change_places(preferences, actions):
    reason = preferences.set_shortcut(actions, USUAL, "do.3", "A")
    assert reason == "A already belongs to “Do 1”."
    for action_id, key in (("do.1", "C"), ("do.2", "A"), ("do.1", "B")):
        assert preferences.set_shortcut(actions, USUAL, action_id, key) == ""
        preferences.apply_shortcuts(actions, USUAL)
    assert [action.shortcut for action in actions] == ["B", "A", ""]
    assert read_settings().shortcuts == {"do.1": "B", "do.2": "A"}
    preferences.reset()
    preferences.apply_shortcuts(actions, USUAL)
    assert [action.shortcut for action in actions] == ["A", "B", ""]


def test_a_key_can_be_taken_away(preferences, actions):
    assert preferences.set_shortcut(actions, USUAL, "do.1", "") == ""
    preferences.apply_shortcuts(actions, USUAL)
    assert actions["do.1"].shortcut == ""
    assert preferences.set_shortcut(actions, USUAL, "do.1", "A") == ""
    assert read_settings().shortcuts == {}


def test_a_key_of_the_window_itself_is_refused(preferences, actions):
    """Quit and the action would both have it, and neither would be done."""
    actions.reserved["Ctrl+Q"] = "Quit"
    assert "“Quit”" in preferences.set_shortcut(actions, USUAL, "do.1", "Ctrl+Q")
    assert preferences.change(shortcuts={"do.1": "Ctrl+Q"})  # as a file from before may have it
    preferences.apply_shortcuts(actions, USUAL)
    assert actions["do.1"].shortcut == ""

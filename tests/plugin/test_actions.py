import pytest

from napari_ifc.actions import Action, ActionTable


def table(**reasons):
    refused = []
    made = ActionTable(on_refused=refused.append)
    done = []
    for name, key in (("track.delete", "Delete"), ("track.merge", "G"), ("edit.undo", "Ctrl+Z")):
        made.add(
            Action(
                name,
                name.split(".")[1].title() + " it",
                lambda name=name: done.append(name),
                shortcut=key,
                group=name.split(".")[0].title(),
                why_not=lambda name=name: reasons.get(name.split(".")[1], ""),
            )
        )
    return made, done, refused


def test_runs_what_is_possible_and_refuses_the_rest_with_its_reason():
    actions, done, refused = table(merge="Select two tracks.")
    assert actions.run("track.delete")
    assert not actions.run("track.merge")
    assert done == ["track.delete"]
    assert refused == ["Select two tracks."]
    assert actions["track.delete"].enabled
    assert not actions["track.merge"].enabled


def test_search_finds_every_word_and_puts_beginnings_first():
    actions, _, _ = table()
    assert [a.id for a in actions.search("")] == ["track.delete", "track.merge", "edit.undo"]
    assert [a.id for a in actions.search("track it")] == ["track.delete", "track.merge"]
    assert [a.id for a in actions.search("MER")] == ["track.merge"]
    assert actions.search("nonsense") == []
    actions.add(Action("x.undo_all", "Also undo", lambda: None, group="Edit"))
    assert [a.id for a in actions.search("undo")] == ["edit.undo", "x.undo_all"]


def test_search_finds_what_only_the_help_says_last():
    actions, _, _ = table()
    actions.add(Action("x.help", "Fade", lambda: None, tip="Undo what was merged."))
    actions.add(Action("x.words", "Blend", lambda: None, words="merge"))
    assert [a.id for a in actions.search("merge")] == ["track.merge", "x.words", "x.help"]
    assert [a.id for a in actions.search("fade merged")] == ["x.help"]


@pytest.mark.parametrize(("name", "key"), [("track.delete", ""), ("new.one", "G")])
def test_an_id_or_a_key_belongs_to_one_action(name, key):
    actions, _, _ = table()
    with pytest.raises(ValueError, match="already"):
        actions.add(Action(name, "New", lambda: None, shortcut=key))
    assert len(actions) == 3


def test_menus_have_their_order_and_sections_by_kind():
    actions, _, _ = table()
    actions.add(Action("run.keep", "Keep", lambda: None, group="Track"))
    actions.add(Action("run.drop", "Drop", lambda: None, group="Track", section="track"))
    actions.add(Action("mine", "Mine", lambda: None, group="Of a plugin"))
    groups = [
        (name, [[a.id for a in part] for part in parts]) for name, parts in actions.by_group()
    ]
    assert groups == [
        ("Edit", [["edit.undo"]]),
        ("Track", [["track.delete", "track.merge", "run.drop"], ["run.keep"]]),
        ("Of a plugin", [["mine"]]),
    ]


def test_what_means_something_else_is_named_as_that():
    actions, done, refused = table(undo="There is nothing to undo.")
    corners = ["first"]

    def take():
        return bool(corners) and done.append(corners.pop()) is None

    actions.lead_elsewhere("edit.undo", take, lambda: "Undo a corner" if corners else "")
    assert actions["edit.undo"].menu_text() == "Undo a corner\tCtrl+Z"
    assert actions["edit.undo"].enabled
    assert [action.text for action in actions.search("corner")] == ["Undo a corner"]
    assert [a.text for a in actions if a.id == "edit.undo"] == ["Undo it"]  # whose key it is
    assert actions.run("edit.undo")
    assert done == ["first"]
    assert actions["edit.undo"].text == "Undo it"
    assert not actions.run("edit.undo")
    assert refused == ["There is nothing to undo."]


def test_what_a_menu_shows_can_change():
    name = ""
    action = Action("class.1", "Class 1", lambda: None, "1", text_now=lambda: name)
    assert action.menu_text() == ""
    name = "Cat"
    assert action.menu_text() == "Cat\t1"
    assert Action("x", "X", lambda: None).menu_text() == "X"

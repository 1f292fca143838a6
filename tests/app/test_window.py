"""The desktop window: menus, drops, the start page. Nothing here starts an engine."""

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShortcut
from qtpy.QtWidgets import QApplication, QWidget

from ifc_core.jobs import JobContext
from napari_ifc.controllers.videos import adding, look_through

pytestmark = pytest.mark.window


@pytest.fixture
def frames(tmp_path):
    """A folder of four frames."""
    import cv2

    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 60, 3), 50 * number, np.uint8))
    return folder


@pytest.fixture
def window(tidied_window):
    return tidied_window


def drop(widget, path):
    """Drag a file onto a widget and let it go, as a file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(20, 20), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    action = Qt.DropAction.CopyAction
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), action, data, left, none))


def test_a_drop_on_the_start_page_opens_and_another_on_the_canvas_replaces_it(
    window, frames, tmp_path, qtbot
):
    with qtbot.waitSignal(window.studio.opened):
        drop(window.start_page, frames)
    assert not window.start_page.isVisible()
    assert window.studio.workspace.session.num_frames == 4
    assert "frames" in window.viewer.title
    other = tmp_path / "others"
    frames.rename(other)
    window.studio.close_project()
    assert window.start_page.isVisible()
    with qtbot.waitSignal(window.studio.opened):
        drop(window.main.centralWidget(), other)
    assert "others" in window.viewer.title


def test_a_drop_of_something_else_says_why_and_the_start_page_stays(window, tmp_path, qtbot):
    told = []
    window.studio.failed.connect(told.append)
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    with qtbot.waitSignal(window.studio.failed):
        drop(window.main, text)
    assert len(told) == 1
    assert window.start_page.isVisible()
    assert window.start_page.problem == told[0]


def test_every_action_stands_in_one_menu(window):
    from ifc_app.window import _entries

    titles = []
    for entry in window.viewer.window.main_menu.actions():
        if entry.menu() is not None and entry.text() != "napari":
            titles += [item.data() for item in _entries(entry.menu()) if item.data()]
    assert sorted(titles) == sorted(action.id for action in window.studio.actions)


def test_no_menu_is_long_and_what_belongs_together_stands_in_one_inside(window):
    menus = {menu.title(): menu for menu in window._menus}
    told = {t: [e.data() for e in menu.actions() if e.data()] for t, menu in menus.items()}
    lines = {t: sum(not e.isSeparator() for e in menu.actions()) for t, menu in menus.items()}
    assert lines["Track"] <= 15
    assert max(lines.values()) <= 21
    assert set(told["Lineage"]) == {f"lineage.{n}" for n in ("divide", "bud", "unlink", "select")}
    assert "track.clear" in told["Clear and mark absent"]
    (lineage,) = [e for e in menus["Track"].actions() if e.text() == "Lineage"]
    assert lineage.menu() is menus["Lineage"]
    menus["Lineage"].aboutToShow.emit()
    first = menus["Lineage"].actions()[0]
    assert first.text() == "Link as a division\tShift+M"
    assert not first.isEnabled()
    assert first.toolTip() == window.studio.actions["lineage.divide"].why_not() != ""


def test_a_menu_says_why_an_action_cannot_be_done(window):
    (menu,) = [
        entry.menu()
        for entry in window.viewer.window.main_menu.actions()
        if entry.text() == "Track"
    ]
    menu.aboutToShow.emit()
    delete = next(item for item in menu.actions() if item.data() == "track.delete")
    assert not delete.isEnabled()
    assert delete.toolTip() == window.studio.actions["track.delete"].why_not() != ""


def test_recent_items_are_offered_and_open(window, frames, qtbot):
    assert window.open_path(frames)
    window.studio.close_project()
    recent = window._recent_menu
    recent.aboutToShow.emit()
    (entry,) = recent.actions()
    assert entry.text() == "frames"
    with qtbot.waitSignal(window.studio.opened):
        entry.trigger()
    assert window.studio.workspace is not None


@pytest.fixture
def second(frames, tmp_path):
    """Another folder of frames, of another content."""
    import cv2

    folder = tmp_path / "second"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 60, 3), 90 + number, np.uint8))
    return folder


def add_video(studio, path):
    """Add a video to the open project; gives its id."""
    edit, _ = adding(studio.project, look_through([path], JobContext()))
    studio.workspace.editor.apply(edit)
    return studio.project.videos()[-1].id


def paint(studio):
    """Begin a track."""
    square = np.zeros((40, 60), np.uint8)
    square[10:20, 10:20] = 1
    studio.workspace.editor.commit_mask(square, "Paint")


def offered(window):
    """Paths on the list of recent items."""
    return [item.path for item in window.recent.items()]


def test_another_video_of_a_project_is_no_recent_item(window, frames, second, tmp_path, qtbot):
    studio = window.studio
    assert window.open_path(frames)
    assert studio.show_video(add_video(studio, second))
    assert window.viewer.title == "second - IFC Studio"
    paint(studio)
    folder = studio.project.folder
    studio.close_project()
    assert offered(window) == [str(folder)]
    (item,) = window.recent.items()
    assert (item.num_tracks, item.num_frames) == (1, 7)

    with qtbot.waitSignal(studio.opened):  # a click on its card
        window.start_page.recent_requested.emit(item.path)
    assert studio.project.folder == folder
    assert [len(studio.project.tracks(entry.id)) for entry in studio.project.videos()] == [0, 1]
    assert len(list(tmp_path.glob("*.ifcproj"))) == 1
    assert window.open_path(frames)  # the video that the project was made for
    assert studio.project.folder == folder
    assert offered(window) == [str(folder)]


def test_a_name_that_was_not_opened_is_forgotten(window, frames, second, tmp_path, qtbot):
    studio = window.studio
    assert window.open_path(frames)
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    assert not window.open_path(text)
    with qtbot.waitSignal(studio.opened):  # as the File menu does
        studio.begin_open(second)
    assert window.viewer.title == "second - IFC Studio"
    assert offered(window) == [str(second), str(frames)]


def test_a_project_from_the_file_menu_is_remembered_as_one(window, frames, tmp_path, qtbot):
    studio = window.studio
    assert window.open_path(frames)
    moved = tmp_path / "elsewhere" / "kept.ifcproj"
    moved.parent.mkdir()
    folder = studio.project.folder
    studio.close_project()
    folder.rename(moved)
    with qtbot.waitSignal(studio.opened):
        studio.begin_open(moved)
    assert offered(window)[0] == str(moved)


def test_annotations_are_remembered_as_the_project_they_became(window, frames, tmp_path):
    studio = window.studio
    assert window.open_path(frames)
    paint(studio)
    written = tmp_path / "notes.json"
    studio.export_ytvis(written, everything=True)
    assert window.open_path(written), window.start_page.problem
    assert offered(window)[0] == str(studio.project.folder)
    assert str(written) not in offered(window)


def test_the_window_is_ours_not_a_guest_s(window, frames):
    assert window.open_path(frames)
    docks = window.studio.docks
    assert {"studio", "timeline"} <= docks.keys()
    assert all(not dock.titleBarWidget().children() for dock in docks.values())
    sliders = [w for w in window.main.findChildren(QWidget) if type(w).__name__ == "QtDims"]
    assert sliders
    assert all(slider.isHidden() for slider in sliders)
    window.studio.show_napari_panels(True)
    assert not any(slider.isHidden() for slider in sliders)


def test_there_is_one_menu_for_each_group(window):
    titles = [menu.title().replace("&", "") for menu in window._menus]
    assert len(titles) == len(set(titles))


def test_no_key_of_ours_is_held_by_napari_too(window, frames, qtbot):
    from ifc_app.window import KEYS, _entries

    keys = {action.id: action.shortcut for action in window.studio.actions if action.shortcut}
    assert keys.items() >= KEYS.items()
    held = {e.shortcut().toString() for menu in window._napari_menus for e in _entries(menu)} - {""}
    assert "Ctrl+0" in held  # what does not disturb stays
    assert not held & {*keys.values(), "Ctrl+Q", "Ctrl+N"}


def test_keys_mean_something_on_the_start_page(window, monkeypatch, qtbot):
    asked = []
    monkeypatch.setattr(
        "napari_ifc.features.files.QFileDialog.getOpenFileName",
        lambda *args: asked.append(args) or ("", ""),
    )
    page = window.start_page
    assert window.main.focusWidget() is page
    bound = {s.key().toString(): s for s in page.findChildren(QShortcut)}
    bound["Ctrl+O"].activated.emit()
    assert len(asked) == 1


def test_the_ground_around_the_picture_is_a_dark_grey_in_every_theme(window):
    viewer = window.viewer
    before = viewer.theme
    try:
        for theme in ("light", "dark"):
            viewer.theme = theme
            red, green, blue = (float(v) for v in viewer.canvas.background_color[:3])
            assert max(red, green, blue) - min(red, green, blue) < 0.03
            assert 0.1 < red < 0.25
    finally:
        viewer.theme = before


def test_tab_does_not_stop_at_the_window_itself(window):
    main = window.main
    assert not main.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert main.focusPolicy() & Qt.FocusPolicy.ClickFocus  # as napari has it


@pytest.mark.parametrize("turn", ["Ctrl+Y", "Ctrl+E", "Ctrl+G", "Ctrl+M", "3-D", "other axes"])
def test_nothing_turns_the_video_or_hides_the_menus(window, frames, qtbot, turn):
    assert window.open_path(frames)
    paint(window.studio)
    studio, viewer = window.studio, window.viewer
    studio.layers.set_mode("paint")
    window.main.activateWindow()
    cache, decoded = studio.workspace.cache, []
    taken = cache.get
    cache.get = lambda index: decoded.append(index) or taken(index)
    if turn == "3-D":
        viewer.dims.ndisplay = 3
    elif turn == "other axes":
        viewer.dims.roll()
    else:
        key = getattr(Qt.Key, f"Key_{turn[-1]}")
        canvas = next(w for w in window.main.findChildren(QWidget) if "Canvas" in type(w).__name__)
        qtbot.keyClick(canvas, key, Qt.KeyboardModifier.ControlModifier)
    assert viewer.dims.ndisplay == 2
    assert viewer.dims.order == (0, 1, 2)
    assert not viewer.canvas.grid.enabled
    assert window.main.menuBar().isVisible()
    assert len(set(decoded)) <= 1
    assert studio.layers.mode == "paint"
    if "+" not in turn:
        assert "frame by frame" in studio.panel.banner.text


def test_ctrl_y_is_a_second_key_for_redo(window, frames, qtbot):
    assert window.open_path(frames)
    studio = window.studio
    paint(studio)
    studio.run_action("edit.undo")
    video_id = studio.workspace.session.entry.id
    assert studio.project.tracks(video_id) == []
    layer = studio.layers.layers[-1]
    bound = {str(key): call for key, call in layer.keymap.items()}
    bound["Ctrl+Y"](layer)
    assert len(studio.project.tracks(video_id)) == 1
    titles = [entry.text() for menu in window._menus for entry in menu.actions()]
    for menu in window._menus:
        menu.aboutToShow.emit()
    shown = [e.text() for menu in window._menus for e in menu.actions() if e.isVisible()]
    assert titles
    assert [text for text in shown if text.startswith("Redo")] == ["Redo\tCtrl+Shift+Z"]

"""Long work, settings, regions and foreign layers in a real window, with a made-up engine."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from qtpy.QtWidgets import QPushButton

from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope
from ifc_core.config import read_settings
from ifc_core.io import provisional_video
from ifc_core.io.video import open_video
from napari_ifc.actions import GROUPS
from napari_ifc.features.classes import Classes
from napari_ifc.features.correction import Correction
from napari_ifc.features.files import Files
from napari_ifc.features.imports import Imports
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.features.system import System
from napari_ifc.region_layer import REGION, region_of
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio
from napari_ifc.views.dialogs import ExportDialog

pytestmark = pytest.mark.window


@pytest.fixture
def engine():
    return FakeEngine(SIZE, NUM_FRAMES)


@pytest.fixture
def studio(shared_viewer, engine, tmp_path):
    before = set(threading.enumerate())
    made = Studio(
        shared_viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    yield made
    made.close()
    shared_viewer.layers.clear()
    assert set(threading.enumerate()) <= before


@pytest.fixture
def proposed(studio, clip, qtbot):
    assert studio.open_path(clip)
    with qtbot.waitSignal(studio.run_finished):
        assert studio.propose()
    return studio


def finish(studio, qtbot):
    qtbot.waitUntil(lambda: not studio.tasks.is_running, timeout=20_000)


def test_opening_in_the_background_keeps_what_is_open_until_it_is_there(
    studio, clip, tmp_path, qtbot
):
    assert studio.open_path(clip)
    first = studio.project
    studio.begin_open(tmp_path / "missing.mp4")
    with qtbot.waitSignal(studio.failed) as failed:
        finish(studio, qtbot)
    assert "There is no file" in failed.args[0]
    assert studio.project is first
    with qtbot.waitSignal(studio.opened):
        studio.begin_open(clip)  # we hold its lock ourselves
    assert not studio.project.read_only
    assert studio.project is not first


def test_a_cancelled_opening_leaves_everything_as_it_was(studio, clip, qtbot):
    studio.begin_open(clip)
    assert studio.panel.task.isVisibleTo(studio.panel)
    studio.tasks.cancel()
    finish(studio, qtbot)
    assert studio.workspace is None
    assert studio.open_path(clip)
    assert not studio.project.read_only


def test_export_import_and_film_run_beside_the_window(proposed, tmp_path, qtbot):
    files = proposed.feature(Files)
    target = tmp_path / "new" / "out.json"
    files.begin_export(target, ExportOptions(scope=ExportScope.EVERYTHING))
    finish(proposed, qtbot)
    assert len(json.loads(target.read_text())["annotations"]) == 2
    assert "2 tracks" in proposed.panel.banner.text
    film = tmp_path / "film.mp4"
    files.begin_film(film)
    finish(proposed, qtbot)
    with open_video(film) as reader:
        assert reader.video.num_frames == NUM_FRAMES
    project, video_id = proposed.project, proposed.workspace.session.entry.id
    before = {m.rle for m in project.masks_at(video_id, 4)}
    assert proposed.run_action("edit.undo")
    proposed.feature(Imports).begin_import(target)
    finish(proposed, qtbot)
    assert {m.rle for m in project.masks_at(video_id, 4)} == before
    assert proposed.panel.tracks.model.rowCount() == 2
    assert project.history()[0].kind == "ImportTracks"


def test_a_failed_export_says_why_and_leaves_no_file(proposed, tmp_path, qtbot):
    (tmp_path / "file").write_text("in the way")
    with qtbot.waitSignal(proposed.failed) as failed:
        proposed.feature(Files).begin_export(tmp_path / "file" / "out.json", ExportOptions())
        finish(proposed, qtbot)
    assert "cannot be written" in failed.args[0]


def test_what_stands_in_the_way_of_an_export_is_told_in_its_form(proposed, tmp_path, qtbot):
    (tmp_path / "file").write_text("in the way")
    assert proposed.run_action("file.export")
    dialog = proposed.panel.findChild(ExportDialog)
    dialog.path.setText(str(tmp_path / "file" / "out.json"))
    dialog.button.click()
    assert dialog.isVisible()
    assert "“file”" in dialog.report.text()
    assert not proposed.tasks.is_running
    dialog.path.setText(str(proposed.project.folder / "project.sqlite"))
    dialog.replace.setChecked(True)
    dialog.button.click()
    assert "destroy the project" in dialog.report.text()
    dialog.path.setText(str(tmp_path / "out.json"))
    dialog.button.click()
    finish(proposed, qtbot)
    assert (tmp_path / "out.json").is_file()


def test_two_exports_to_one_place_do_not_race(proposed, tmp_path, qtbot):
    files, target = proposed.feature(Files), tmp_path / "masks"
    options = ExportOptions(scope=ExportScope.EVERYTHING)
    files.begin_export(target, options, ExportFormat.DAVIS)
    with qtbot.waitSignal(proposed.failed) as failed:
        files.begin_export(target, options, ExportFormat.MOTS)
    assert "is being written at the moment" in failed.args[0]
    finish(proposed, qtbot)
    assert (target / "Annotations").is_dir()
    assert proposed.run_action("file.export")
    dialog = proposed.panel.findChild(ExportDialog)
    dialog.path.setText(str(target / "again.json"))  # it is free again once the export has ended
    dialog.button.click()
    finish(proposed, qtbot)
    assert (target / "again.json").is_file()


def test_an_export_shows_its_folder(proposed, tmp_path, qtbot, monkeypatch):
    assert "Nothing was exported" in proposed.actions["file.show_export"].why_not()
    proposed.feature(Files).begin_export(tmp_path / "out.json", ExportOptions())
    finish(proposed, qtbot)
    banner = proposed.panel.banner
    assert banner.text.startswith("Wrote out.json in ")
    assert tmp_path.name in banner.text.split(":")[0]
    shown = []
    monkeypatch.setattr(
        "napari_ifc.features.files.QDesktopServices.openUrl",
        lambda url: shown.append(url.toLocalFile()) or True,
    )
    (button,) = [b for b in banner.findChildren(QPushButton) if b.text() == "Show in folder"]
    button.click()
    assert shown == [str(tmp_path)]


def test_closing_the_project_ends_an_import(proposed, tmp_path, qtbot):
    target = tmp_path / "out.json"
    proposed.export_ytvis(target, everything=True)
    proposed.feature(Imports).begin_import(target)
    folder = proposed.project.folder
    proposed.close_project()
    assert not proposed.tasks.is_running
    assert proposed.open_path(folder)
    assert proposed.project.history()[0].kind == "AcceptRun"


def test_closing_names_what_goes_on(studio, engine, clip, qtbot):
    engine.pause_after = 2
    assert studio.open_path(clip)
    assert studio.work_going_on() == []
    assert studio.propose()
    qtbot.waitUntil(lambda: bool(studio.workspace.proposer.rows()))
    assert "Proposing" in studio.work_going_on()[0]
    engine.release()
    qtbot.waitUntil(lambda: not studio.workspace.proposer.is_running)


def test_settings_take_effect_and_are_kept(proposed, qtbot):
    feature = proposed.feature(PreferencesFeature)
    dialog = feature.show_dialog()
    dialog.changed.emit("overlay_opacity", 0.9)
    dialog.changed.emit("device", "cpu")
    assert proposed.layers.style.opacity == 0.9
    assert proposed.panel.propose.settings().device == "cpu"
    dialog.shortcut_requested.emit("frame.approve", "G")
    assert "Merge" in dialog.message.text()
    dialog.shortcut_requested.emit("frame.approve", "F9")
    assert dialog.message.text() == ""
    assert proposed.actions["frame.approve"].shortcut == "F9"
    brush = proposed.panel.tools._buttons["paint"]
    assert brush.toolTip().startswith("Brush (B)")
    dialog.shortcut_requested.emit("tool.paint", "F8")
    assert brush.toolTip().startswith("Brush (F8)")
    dialog.shortcut_requested.emit("tool.paint", "B")
    layer = next(x for x in proposed.layers.layers if x.metadata["ifc"] == "Edit")
    keys = {str(key): call for key, call in layer.keymap.items()}
    assert "A" not in keys
    keys["F9"](layer)
    assert proposed.workspace.index.approved_frames == 1
    dialog.accept()
    assert read_settings().shortcuts == {"frame.approve": "F9"}
    feature.controller.reset()
    assert proposed.actions["frame.approve"].shortcut == "A"


def test_the_system_panel_asks_the_engine(proposed, qtbot):
    dialog = proposed.feature(System).show_dialog()
    qtbot.waitUntil(lambda: "Device cuda:0" in dialog.diagnostics)
    assert "10 frames" in dialog.diagnostics
    assert "cuda:0" in proposed.panel.status.text()
    dialog.accept()


def test_a_region_is_dragged_shown_and_sent(studio, engine, clip, qtbot):
    assert studio.open_path(clip)
    studio.panel.show_page("propose")
    region = studio.proposing._region
    studio.panel.propose._draw_region.click()
    assert region.is_picking
    layer = next(x for x in studio.viewer.layers if x.metadata.get("ifc") == REGION)
    layer.add_rectangles(np.array([[5, 8], [5, 40], [30, 40], [30, 8]]))
    qtbot.waitUntil(lambda: studio.panel.propose.region_xywh is not None)
    assert studio.panel.propose.region_xywh == (8, 5, 33, 26)
    assert not region.is_picking
    with qtbot.waitSignal(studio.run_finished):
        assert studio.propose()
    sent = next(params for kind, params in engine.requests if kind == "propose")
    assert sent["settings"]["region_xywh"] == [8, 5, 33, 26]
    studio.panel.show_page("tracks")
    assert REGION not in [x.metadata.get("ifc") for x in studio.viewer.layers]
    studio.close_project()
    assert studio.panel.propose.region_xywh is None


def test_a_region_stays_in_the_frame_and_is_no_click():
    corners = np.array([[-5.0, -3.0], [-5.0, 90.0], [30.2, 90.0], [30.2, -3.0]])
    assert region_of(corners, SIZE) == (0, 0, 64, 31)
    assert region_of(np.array([[3.0, 3.0], [4.0, 4.0]]), SIZE) is None


def test_any_image_layer_can_be_annotated(studio, shared_viewer, qtbot):
    assert "image layer" in studio.actions["file.open_layer"].why_not()
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 4000, (5, 40, 60), dtype=np.uint16)
    layer = shared_viewer.add_image(stack, name="cells", contrast_limits=(0, 4000))
    with qtbot.waitSignal(studio.opened):
        assert studio.run_action("file.open_layer")
        assert studio.workspace is None
        assert studio.layers.is_shown, "its frames are seen while they are copied"
        assert not studio.layers.layers[-1].editable
    assert studio.workspace.session.num_frames == 5
    assert not layer.visible
    shown = studio.workspace.cache.get(3)
    assert np.abs(shown[..., 0] - stack[3] * (255 / 4000)).max() <= 0.51
    studio.layers.edit(np.ones((40, 60), np.uint8), (1, 2, 3))
    studio.close_project()
    assert list(shared_viewer.layers) == [layer]


def test_the_proposals_are_judged_by_approved_frames(proposed, qtbot):
    from napari_ifc.views.quality_dialog import QualityDialog

    assert "Approve some frames" in proposed.actions["model.evaluate"].why_not()
    assert proposed.run_action("frame.approve")
    assert proposed.run_action("model.evaluate")
    finish(proposed, qtbot)
    (dialog,) = proposed.panel.findChildren(QualityDialog)
    assert dialog.table.item(0, 1).text() == "2"
    assert dialog.table.item(0, 5).text() == "1.00", "what was approved unchanged overlaps fully"
    assert dialog.as_text().splitlines()[0].startswith("Class\tTracks")
    dialog.accept()


def test_the_panels_menu_has_every_action_and_says_why_not(studio):
    entries, menus = {}, [group.menu() for group in studio.panel.menu_button.menu().actions()]
    while menus:
        menu = menus.pop()
        menu.aboutToShow.emit()
        shown = [entry for entry in menu.actions() if not entry.isSeparator()]
        menus += [entry.menu() for entry in shown if entry.menu() is not None]
        entries |= {entry.data(): entry for entry in shown if entry.menu() is None}
    assert set(entries) == {action.id for action in studio.actions}
    delete = entries["track.delete"]
    assert not delete.isEnabled()
    assert delete.toolTip() == studio.actions["track.delete"].why_not()
    assert entries["edit.undo"].text() == "Undo\tCtrl+Z"
    assert not entries["class.9"].isVisible()  # no class has that key
    names = [group.text() for group in studio.panel.menu_button.menu().actions()]
    assert names == list(GROUPS)


def test_what_has_no_key_of_its_own_is_no_action(studio):
    assert [action.text for action in studio.actions.search("redo")] == ["Redo"]
    dialog = studio.feature(PreferencesFeature).show_dialog()
    listed = [dialog.keys.item(row, 0).text() for row in range(dialog.keys.rowCount())]
    dialog.accept()
    assert [text for text in listed if text.startswith("Redo")] == ["Redo"]


def test_tab_goes_from_top_to_bottom_and_keys_to_every_page(studio):
    panel = studio.panel
    panel.show_page("tracks")
    wanted = (
        panel.header._chips[0],
        panel.menu_button,
        panel.tools._buttons["pan_zoom"],
        studio.feature(Classes).bar._edit,
        studio.feature(Correction).strip.scope,
        panel.tracks.view,
        panel.status,
    )
    stops = [wanted[0]]
    while len(stops) < 2000 and (after := stops[-1].nextInFocusChain()) is not wanted[0]:
        stops.append(after)
    assert sorted(wanted, key=stops.index) == list(wanted)
    for place, name in enumerate(panel.page_names(), start=1):
        action = studio.actions[f"page.{name}"]
        assert action.shortcut == f"Ctrl+{place}"
        assert studio.run_action(action.id)
        assert panel.current_page == name


def raw_video(path):
    """A raw H.264 stream: it holds no index, so looking through it takes long."""
    import av

    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for value in range(12):
            picture = np.full((48, 64, 3), 20 * value, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("cancelled", [False, True])
def test_first_frames_are_shown_while_a_long_file_is_looked_through(
    studio, tmp_path, qtbot, monkeypatch, cancelled
):
    go_on = threading.Event()
    finish_index = provisional_video.ProvisionalReader.finish_index

    def wait(reader, context=None):
        while not go_on.wait(0.01):
            context.raise_if_cancelled()
        finish_index(reader, context)

    monkeypatch.setattr(provisional_video, "_QUICK_BYTES", 0)
    monkeypatch.setattr(provisional_video.ProvisionalReader, "finish_index", wait)
    path = raw_video(tmp_path / "long.h264")
    with qtbot.waitSignal(studio.preview_shown, timeout=20_000):
        studio.begin_open(path)
    assert studio.workspace is None
    assert studio.layers.is_shown
    studio.layers.go_to(2)
    assert studio.layers.frame_index == 2
    if cancelled:
        studio.tasks.cancel()
        finish(studio, qtbot)
        assert not studio.layers.is_shown
        assert not list((tmp_path / "projects").glob("*"))
    else:
        go_on.set()
        finish(studio, qtbot)
        assert studio.workspace.session.num_frames == 12
        assert studio.layers.is_shown

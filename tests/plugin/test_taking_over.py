"""Two windows on one project: the second one may edit once the first has closed it."""

from __future__ import annotations

import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.locking import WriterLock, is_locked
from napari_ifc.features import taking_over

pytestmark = pytest.mark.window


@pytest.fixture
def studio(tidied_desk):
    return tidied_desk.studio


@pytest.fixture
def folder(studio, clip):
    """A project that nobody has open."""
    assert studio.open_path(clip)
    found = studio.project.folder
    studio.close_project()
    return found


@pytest.fixture
def quick(studio):
    """Looks often."""
    feature = studio.feature(taking_over.TakingOver)
    feature._timer.setInterval(20)
    yield feature
    feature._timer.setInterval(taking_over._EVERY_MS)


def test_what_the_first_window_closes_can_be_edited_in_the_second(studio, folder, quick, qtbot):
    banner = studio.panel.banner
    with Project.open(folder):
        assert studio.open_path(folder)
        assert studio.project.read_only
        qtbot.waitUntil(lambda: quick._waits_for == folder)
        assert "read-only here" in banner.text
    qtbot.waitUntil(lambda: "can be edited here" in banner.text)
    assert not quick._timer.isActive()
    with qtbot.waitSignal(studio.opened):
        studio.run_action("project.take_over")
    assert not studio.project.read_only
    assert studio.project.folder == folder
    assert not quick._timer.isActive()


def test_a_share_that_is_away_for_a_moment_is_asked_again(
    studio, folder, quick, qtbot, monkeypatch
):
    asked = []

    def away(place):
        asked.append(place)
        raise OSError(112, "Host is down")

    with Project.open(folder):
        assert studio.open_path(folder)
        qtbot.waitUntil(lambda: quick._waits_for == folder)
        with monkeypatch.context() as patch:
            patch.setattr(taking_over, "is_locked", away)
            qtbot.waitUntil(lambda: len(asked) > 2)
    qtbot.waitUntil(lambda: "can be edited here" in studio.panel.banner.text)


def test_one_that_is_read_only_for_another_reason_is_not_waited_for(
    studio, folder, quick, qtbot, monkeypatch
):
    def refuse(lock):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "acquire", refuse)
        assert studio.open_path(folder)
    assert studio.project.read_only
    qtbot.waitUntil(lambda: not quick._timer.isActive())
    assert quick._waits_for is None
    assert "can be edited here" not in studio.panel.banner.text


def test_nothing_is_looked_for_where_the_project_is_ours_or_closed(studio, folder, quick):
    assert studio.open_path(folder)
    assert not quick._timer.isActive()
    assert studio.actions["project.take_over"].why_not()
    with Project.open(folder) as other:
        assert other.read_only
    studio.close_project()
    with Project.open(folder):
        assert studio.open_path(folder)
        assert quick._timer.isActive()
        studio.close_project()
        assert not quick._timer.isActive()


def test_a_lock_is_looked_at_and_not_taken(tmp_path):
    lock = WriterLock(tmp_path)
    assert lock.acquire()
    assert is_locked(tmp_path)
    lock.release()
    assert not is_locked(tmp_path)
    assert lock.acquire()
    assert not lock.unclean
    lock.release()
    with pytest.raises(FileNotFoundError):
        is_locked(tmp_path / "nowhere")

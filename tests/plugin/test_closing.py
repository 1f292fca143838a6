"""Closing the window while processes work: all are asked at once, none is left."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import napari
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine

from ifc_core.engine.client import EngineClient
from ifc_core.errors import EngineError
from napari_ifc.engine_link import EngineLink
from napari_ifc.features.finetune import TrainerLink
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window

TOY = Path(__file__).parents[1] / "core" / "engine" / "toy_engine.py"


class MeetingEngine(FakeEngine):
    """Ends only once the other one is being ended too."""

    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__(SIZE, NUM_FRAMES)
        self.meeting = meeting

    def close(self, timeout_seconds: float | None = None) -> None:
        if not self.closed:
            self.meeting.wait(20)
        super().close()


def studio_with(viewer, tmp_path, engine_factory, trainer_factory):
    return Studio(
        viewer,
        engine_factory=engine_factory,
        trainer_factory=trainer_factory,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )


def test_engine_and_trainer_end_at_the_same_time(clear_viewer, clip, tmp_path):
    meeting = threading.Barrier(2)
    engines = [MeetingEngine(meeting), MeetingEngine(meeting)]
    studio = studio_with(clear_viewer, tmp_path, lambda: engines[0], lambda: engines[1])
    assert studio.open_path(clip)
    studio.engine.request("propose", {}, lambda event: None)
    studio.feature(TrainerLink).request("propose", {}, lambda event: None)
    studio.close()
    assert [engine.closed for engine in engines] == [True, True]
    assert not meeting.broken
    assert not any(t.name == "ifc-closing" for t in threading.enumerate())


def test_a_training_process_ends_with_its_run_and_the_next_run_gets_another(qapp, clip, tmp_path):
    made = []

    def make():
        made.append(FakeEngine(SIZE, NUM_FRAMES))
        return made[-1]

    viewer = napari.Viewer(show=False)
    studio = studio_with(viewer, tmp_path, lambda: FakeEngine(SIZE, NUM_FRAMES), make)
    trainer = studio.feature(TrainerLink)
    for _ in range(2):
        trainer.request("propose", {}, lambda event: None)
        trainer._on_end("cancelled", "Stopped.")
    studio.close()  # waits for those that were still ending
    assert [engine.closed for engine in made] == [True, True]
    assert not any(t.name == "ifc-trainer-end" for t in threading.enumerate())
    viewer.close()


class FullPipe:
    """An engine that reads no more: telling it anything takes until it is ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.told = threading.Event()

    def request(self, *args, **more):
        return self

    def cancel(self) -> None:
        assert self.ended.wait(60)
        self.told.set()

    def close(self, timeout_seconds: float | None = None) -> None:
        self.ended.set()


def test_an_engine_that_reads_no_more_holds_neither_window_nor_closing():
    engine = FullPipe()
    link = EngineLink(lambda: engine)
    link.request("propose")
    end = link.begin_close()
    assert not engine.ended.is_set(), "nothing was told in this thread, which would have hung"
    end()
    assert engine.told.is_set()
    assert not any(t.name == "ifc-cancelling" for t in threading.enumerate())


def test_nothing_is_started_any_more(clear_viewer, tmp_path):
    made = []
    studio = studio_with(clear_viewer, tmp_path, lambda: made.append(1), lambda: made.append(2))
    studio.close()
    for request in (studio.engine.request, studio.feature(TrainerLink).request):
        with pytest.raises(EngineError, match="window closes"):
            request("propose", {})
    assert made == []


@pytest.mark.skipif(os.name != "posix", reason="asks for processes by signal 0")
def test_processes_that_hear_nothing_are_ended_with_the_hidden_window(qapp, clip, tmp_path):
    clients, begun = [], threading.Semaphore(0)

    def make():
        command = [sys.executable, str(TOY)]
        clients.append(EngineClient(command=command, log_folder=tmp_path, patience_seconds=0.2))
        return clients[-1]

    viewer = napari.Viewer(show=True)
    studio = studio_with(viewer, tmp_path, make, make)
    main = studio.panel.window()
    assert studio.open_path(clip)
    hidden = []
    studio.closed.connect(lambda: hidden.append(not main.isVisible()))
    studio.engine.request("deaf", {}, lambda event: begun.release())
    studio.feature(TrainerLink).request("deaf", {}, lambda event: begun.release())
    assert all(begun.acquire(timeout=60) for _ in range(2))
    pids = [client.pid for client in clients]
    assert None not in pids
    main.close()
    assert studio.is_closed
    assert hidden == [True]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

"""The whole job without a screen: what it writes, and that it leaves a person's sample alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from rich.console import Console

import ifc_resources
from ifc_app import display, headless
from ifc_app.headless import propose_and_write, stop_on_signals
from ifc_core.annotation import ProjectReader, Scope
from ifc_core.annotation.edits import ApproveFrames
from ifc_core.config import Settings, data_dir, write_settings
from ifc_core.errors import VideoError
from ifc_core.jobs import JobCancelled, JobContext
from napari_ifc.controllers.sample import SAMPLE_VIDEO
from napari_ifc.features import files

pytestmark = pytest.mark.window


def test_the_sample_gets_a_project_of_its_own(qapp, tmp_path, monkeypatch):
    from fake_engine import FakeEngine

    from ifc_app.recent import RecentList
    from ifc_app.window import DesktopWindow

    monkeypatch.setenv("IFC_STUDIO_HOME", str(tmp_path / "home"))
    for turn in range(2):
        engine = FakeEngine((360, 640), 80)
        window = DesktopWindow(
            recent=RecentList(tmp_path / "recent"), engine_factory=lambda made=engine: made
        )
        out, scratch = tmp_path / f"out{turn}", tmp_path / f"scratch{turn}"
        out.mkdir()
        written = propose_and_write(window, None, out, scratch, Console(quiet=True))
        ids = sorted(window.studio.workspace.index.track_ids())
        assert ids == list(range(1, len(ids) + 1))
        assert ids
        window.studio.close()
        window.viewer.close()
        assert all(file.stat().st_size for file in written.values())
        annotations = json.loads(written["annotations"].read_text())["annotations"]
        assert len(annotations) == len(ids)
    assert not (data_dir() / "projects" / "bedroom.ifcproj").exists()


@pytest.fixture
def open_window(qapp, tmp_path):
    """Makes windows around an engine, and closes them."""
    from fake_engine import FakeEngine

    from ifc_app.recent import RecentList
    from ifc_app.window import DesktopWindow

    windows = []

    def make(size=(360, 640), num_frames=80, **options):
        engine = FakeEngine(size, num_frames, **options)
        windows.append(
            DesktopWindow(recent=RecentList(tmp_path / "recent"), engine_factory=lambda: engine)
        )
        return windows[-1], engine

    yield make
    for window in windows:
        window.studio.close()
        window.viewer.close()


def test_the_film_has_the_colours_of_the_window(open_window, tmp_path, monkeypatch):
    films = []
    monkeypatch.setattr(files, "export_project", lambda *given: films.append(given[3]))
    write_settings(Settings(color_by="class"))
    window, _ = open_window()
    propose_and_write(window, None, tmp_path, tmp_path / "scratch", Console(quiet=True))
    (options,) = films
    assert options.color_by == "class"
    assert options.video_ids == (window.studio.open_workspace().session.entry.id,)


def test_what_is_approved_throughout_is_written_without_a_run(open_window, tmp_path, capsys):
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(12):
        cv2.imwrite(str(frames / f"{number:02d}.png"), np.full((48, 64, 3), 20 * number, np.uint8))
    clip = str(frames)
    window, _ = open_window((48, 64), 12)
    propose_and_write(window, clip, tmp_path, tmp_path / "scratch", Console(quiet=True))
    session = window.studio.open_workspace().session
    window.studio.open_workspace().editor.apply(
        ApproveFrames(session.entry.id, Scope(0, session.num_frames - 1))
    )
    window.studio.close()
    again, engine = open_window((48, 64), 12)
    out = tmp_path / "again"
    out.mkdir()
    console = Console(stderr=True, width=1000)
    written = propose_and_write(again, clip, out, tmp_path / "scratch", console)
    assert "All 12 frames are approved; proposing would change nothing." in capsys.readouterr().err
    assert all(file.stat().st_size for file in written.values())
    assert "propose" not in [kind for kind, _ in engine.requests]


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_run_cancels_it(open_window, tmp_path, number):
    window, engine = open_window(pause_after=3)
    before, sent = signal.getsignal(number), []

    def follow(view):
        if view.fraction and not sent:  # the engine waits for ever soon
            sent.append(number)
            os.kill(os.getpid(), number)

    window.studio.run_changed.connect(follow)
    scratch, quiet = tmp_path / "scratch", Console(quiet=True)
    with stop_on_signals() as context, pytest.raises(JobCancelled):
        propose_and_write(window, None, tmp_path, scratch, quiet, context)
    assert sent == [number]
    assert signal.getsignal(number) is before
    (run,) = [
        job
        for job, (kind, _) in zip(engine.jobs, engine.requests, strict=True)
        if kind == "propose"
    ]
    assert run.cancelled.is_set()
    assert not window.studio.project.open_runs()
    assert not list(tmp_path.glob("*.*"))


def test_a_signal_after_the_run_keeps_its_tracks_and_says_where(open_window, tmp_path, capsys):
    window, _ = open_window()
    context, clip = JobContext(), str(ifc_resources.path(SAMPLE_VIDEO))
    window.studio.run_finished.connect(lambda *_: context.cancel())
    console = Console(stderr=True, width=1000)
    with pytest.raises(JobCancelled):
        propose_and_write(window, clip, tmp_path, tmp_path / "scratch", console, context)
    project = window.studio.project
    assert project.tracks(1)
    told = capsys.readouterr().err
    assert told.endswith(f"The proposed tracks are kept in {project.folder}.\n")
    assert not list(tmp_path.glob("*.*"))


def test_a_stopped_job_ends_with_130(tmp_path, monkeypatch, capsys):
    def work(path, out_folder, console, context):
        os.kill(os.getpid(), signal.SIGINT)
        context.raise_if_cancelled()

    monkeypatch.setattr(headless, "_work", work)
    assert headless.run_headless(None, tmp_path) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("Stopped.\n")


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
@pytest.mark.parametrize("start_seconds", [0.0, 0.5])
def test_a_second_signal_ends_the_wait_for_a_display_that_never_comes(
    tmp_path, monkeypatch, capsys, start_seconds
):
    start, servers = subprocess.Popen, []

    def started(*given, **options):
        servers.append(start(*given, **options))
        time.sleep(start_seconds)  # signals come meanwhile
        return servers[-1]

    monkeypatch.setattr(subprocess, "Popen", started)
    server = tmp_path / "bin" / "Xvfb"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\nkill -TERM $PPID; kill -INT $PPID; exec sleep 20\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{server.parent}:{os.environ['PATH']}")
    assert headless.run_headless(None, tmp_path / "out") == 130
    assert capsys.readouterr().err.endswith("Stopped.\n")
    assert [one.returncode is None for one in servers] == [False]


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_a_signal_while_the_starting_thread_starts_leaves_no_server(tmp_path, monkeypatch):
    start, servers = subprocess.Popen, []

    class Slow(ThreadPoolExecutor):
        def submit(self, *given, **options):
            super().submit(*given, **options).result()
            raise KeyboardInterrupt

    def started(*given, **options):
        servers.append(start(*given, **options))
        return servers[-1]

    monkeypatch.setattr(display, "ThreadPoolExecutor", Slow)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(KeyboardInterrupt), display.virtual_display():
        pass
    assert [one.returncode is None for one in servers] == [False]


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_a_second_signal_ends_the_event_loop(open_window):
    window, _ = open_window()
    looks = []

    def done():
        looks.append(len(looks))
        os.kill(os.getpid(), signal.SIGTERM)
        return len(looks) > 4

    with stop_on_signals() as context, pytest.raises(KeyboardInterrupt):
        headless._wait_for(window.studio.run_finished, done)
    assert context.is_cancelled
    assert len(looks) == 2


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_two_signals_at_once_keep_nothing_of_the_run(open_window, tmp_path):
    window, _ = open_window(pause_after=3)
    sent = []

    def follow(view):
        if view.fraction and not sent:  # there is a checkpoint to go on from
            sent.append(view)
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)

    window.studio.run_changed.connect(follow)
    scratch, quiet = tmp_path / "scratch", Console(quiet=True)
    with stop_on_signals() as context, pytest.raises(KeyboardInterrupt):
        propose_and_write(window, None, tmp_path, scratch, quiet, context)
    window.studio.close_project()
    with ProjectReader.open(scratch / "bedroom.ifcproj") as reader:
        assert not reader.open_runs()


def test_what_cannot_be_opened_ends_in_its_own_error(open_window, tmp_path):
    window, _ = open_window()
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    with pytest.raises(VideoError) as caught:
        propose_and_write(window, str(text), tmp_path, tmp_path, Console(quiet=True))
    assert caught.value.exit_code == 2
    assert caught.value.path == text

"""kill -9 at random moments: no acknowledged edit is lost and nothing is half written."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ifc_core.annotation import Project
from ifc_core.io.ytvis import validate_ytvis

from .conftest import fill
from .crash_worker import digest

WORKER = Path(__file__).with_name("crash_worker.py")


def run_until_killed(folder: Path, log: Path, seed: int, seconds: float) -> None:
    """Start the worker and kill it some time after it began to work."""
    command = [sys.executable, str(WORKER), str(folder), str(log), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
        assert worker.stdout.readline() == b"ready\n", worker.stderr.read().decode()
        try:
            worker.wait(timeout=seconds)  # it never ends by itself
        except subprocess.TimeoutExpired:
            worker.kill()
        assert worker.wait() < 0, worker.stderr.read().decode()


def check_after(folder: Path, log: Path) -> int:
    """The project is whole and holds what was acknowledged; returns the number of edits."""
    lines = log.read_text().splitlines(keepends=True)
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    with Project.open(folder) as project:
        assert not project.read_only
        assert project.check() == []
        last = acknowledged[-1][1]
        if digest(project) != last:  # one more was committed and not yet acknowledged
            steps = (project.undo, project.redo)
            assert any(digest_after(project, step) == last for step in steps)
        for run in project.open_runs():
            project.staged_masks_at(run.id, 0)
            project.discard_run(run.id)
    for path in (folder / "exports").iterdir():
        if path.suffix == ".json" and not path.name.startswith("."):
            json.loads(path.read_text())
            assert validate_ytvis(path) == []
    return sum(line[0] == "do" for line in acknowledged)


def digest_after(project: Project, step) -> str:
    """The digest after a step, which is taken back."""
    if step() is None:
        return ""
    result = digest(project)
    (project.redo if step == project.undo else project.undo)()
    return result


def kill_many(tmp_path: Path, kills: int) -> None:
    folder = tmp_path / "p.ifcproj"
    with Project.create(folder) as project:
        fill(project)
    rng = random.Random(kills)
    began, edits = time.monotonic(), 0
    for number in range(kills):
        log = tmp_path / f"log-{number}"
        run_until_killed(folder, log, number, rng.uniform(0.0, 0.4))
        edits += check_after(folder, log)
    assert edits >= kills, f"{edits} edits in {time.monotonic() - began:.0f} s prove little"


def test_twenty_kills(tmp_path):
    kill_many(tmp_path, 20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_kills(tmp_path):
    kill_many(tmp_path, 200)

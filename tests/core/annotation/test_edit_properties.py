"""Properties of any sequence of edits, undos, redos and restarts."""

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifc_core.annotation import Project

from .conftest import fill, state_of
from .random_edits import try_edit

ACTIONS = st.lists(
    st.sampled_from(["edit", "edit", "edit", "undo", "redo", "reopen"]), min_size=4, max_size=24
)
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


def edited_state(project: Project) -> dict:
    """The state but for runs, which undoing an edit does not remove; what they refuse is there."""
    state = state_of(project)
    state.pop("runs")
    state["refusals"] = [project.refused_divisions(video.id) for video in project.videos()]
    return state


@given(actions=ACTIONS, seed=st.integers(0, 2**32))
@settings(max_examples=40, **COMMON)
def test_undo_and_redo_walk_the_very_states_that_edits_made(actions, seed):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p.ifcproj", annotator="ann")
        fill(project)
        past, future = [edited_state(project)], []
        floor = len(project.history())
        for action in actions:
            if action == "edit":
                before = len(project.history())
                if try_edit(rng, project):
                    past.append(edited_state(project))
                    future.clear()
                    assert len(project.history()) <= before + 1
            elif action == "undo" and len(past) > 1:
                project.undo()
                future.append(past.pop())
            elif action == "redo":
                assert (project.redo() is not None) == bool(future)
                if future:
                    past.append(future.pop())
            elif action == "reopen":
                project.close()
                project = Project.open(Path(folder) / "p.ifcproj", annotator="ann")
                assert project.notice == ""
            assert edited_state(project) == past[-1]
            undone = [entry.undone for entry in project.history()]
            assert undone.count(True) == len(future)
            assert undone.count(False) == floor + len(past) - 1
        assert project.check() == []
        project.close()


@given(seed=st.integers(0, 2**32), keep=st.integers(0, 5))
@settings(max_examples=12, **COMMON)
def test_compaction_changes_nothing_that_shows_and_keeps_the_last_undos(seed, keep):
    rng = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Project.create(Path(folder) / "p.ifcproj") as project,
    ):
        fill(project)
        states = [edited_state(project)]
        for _ in range(15):
            if try_edit(rng, project):
                states.append(edited_state(project))
        project.compact(keep_edits=keep)
        assert edited_state(project) == states[-1]
        assert project.check() == []
        for state in states[-2 : -2 - min(keep, len(states) - 1) : -1]:
            assert project.undo() is not None
            assert edited_state(project) == state
        if keep < len(states) - 1:
            assert project.undo() is None

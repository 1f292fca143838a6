"""Errors keep their class, sentence and data on the way between processes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import ifc_core.annotation.connection  # noqa: F401 - defines one of the tree
from ifc_core import errors
from ifc_core.bench.machine import in_own_process

GIVEN: dict[str, Any] = {
    "path": "a/b.mp4",
    "frame_index": 7,
    "where": "annotations[3]",
    "expected": [48, 80],
    "actual": "nothing",
    "missing": ("head",),
    "unexpected": ("tail",),
    "mismatched": {"body": ((1, 2), (2, 1))},
    "name": "fps",
    "value": -1.0,
    "device": "cuda:0",
    "folder": "a/b.ifcproj",
    "names": ("b", "c"),
    "can_be_told": True,
    "video_id": 3,
}


def tree(kind: type[errors.IFCError] = errors.IFCError) -> list[type[errors.IFCError]]:
    """The class and all below it."""
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def made(kind: type[errors.IFCError]) -> errors.IFCError:
    """An error with all the data that its class takes."""
    code = getattr(kind.__init__, "__code__", None)  # none where it is Exception's own
    names = () if code is None else code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    return kind("One sentence.", **{name: GIVEN[name] for name in names})


@pytest.mark.parametrize("kind", tree())
def test_an_error_is_the_same_after_pickling(kind: type[errors.IFCError]) -> None:
    error = made(kind)
    error.add_note("said on the way")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(again) is kind
        assert str(again) == "One sentence."
        assert again.args == error.args
        assert again.__dict__ == error.__dict__
        assert again.exit_code == error.exit_code


def refuse(path: str) -> None:
    raise errors.CheckpointError("No such model.", path=path, missing=("head",))


def test_an_error_of_another_process_is_itself() -> None:
    with pytest.raises(errors.CheckpointError, match=r"No such model\.") as caught:
        in_own_process(refuse, "nosuch")
    assert (caught.value.path, caught.value.missing) == (Path("nosuch"), ("head",))

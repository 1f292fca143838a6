"""Versions are listed whatever their facts hold, which come with the project's file."""

from __future__ import annotations

import time

import pytest

from ifc_core.annotation import ModelVersion
from napari_ifc.views.finetune_page import model_text, provenance_text


def version(provenance, metrics):
    return ModelVersion(1, "v1", "v1", "", "base", time.time(), provenance, metrics, active=True)


def test_a_version_tells_its_figure():
    assert model_text(version({}, {"after": {"mean_j": 0.5}})) == "●  v1  ·  J 0.50"


@pytest.mark.parametrize("after", [None, [], "half", {}, {"mean_j": "half"}, {"mean_j": 10**400}])
def test_a_damaged_figure_is_left_out(after):
    assert model_text(version({}, {"after": after})) == "●  v1"


@pytest.mark.parametrize("trained_on", [None, [1], "all", 7])
def test_damaged_frames_are_left_out(trained_on):
    (line,) = provenance_text(version({"trained_on": trained_on}, {})).splitlines()
    assert line.endswith("from base")

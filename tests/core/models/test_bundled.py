"""The models that ship are whole, say what they are, and what they learnt first."""

from __future__ import annotations

import pytest

from ifc_core.data.synthetic.spec import WORLD_CLASSES
from ifc_core.models.bundled import BundledModel, bundled_models, stored_facts
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.models.preferences import ModelPreferences
from ifc_core.models.registry import find_model, load_model
from ifc_core.training.old_task import OldTask, old_task

WORLDS = {DEFAULT_MODEL: "things", "ifc-r18-cells": "cells"}


def test_both_models_ship() -> None:
    assert [model.name for model in bundled_models()] == list(WORLDS)


@pytest.mark.parametrize("bundled", bundled_models(), ids=lambda model: model.name)
def test_a_bundled_model_is_whole_and_says_what_it_is(bundled: BundledModel) -> None:
    entry = find_model(bundled.name)
    assert entry.kind == "bundled"
    assert entry.size_bytes <= 60 << 20
    assert entry.info is not None
    assert entry.info.provenance["name"] == bundled.name
    preferred = [key for key in stored_facts(bundled.path) if key.startswith("preferred_")]
    assert preferred == list(ModelPreferences().to_fields())
    assert entry.info.preferences.size_multiple > 1
    assert entry.info.preferences.lookahead > 0
    assert entry.info.preferences.continuation_score < 1
    model = load_model(bundled.name)  # its digest is looked at
    world = WORLDS[bundled.name]
    assert old_task(model) == OldTask(world, WORLD_CLASSES[world])

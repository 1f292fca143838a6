"""Importing a published checkpoint: what is asked, and what is said."""

from types import SimpleNamespace
from typing import Any

import pytest

from ifc_core.engine.protocol import JobEnd, JobStatus
from ifc_core.errors import CheckpointError, ConfigError, EngineError
from napari_ifc.actions import ActionTable
from napari_ifc.features.model_import import ModelImport


class Desk:
    """As much of a studio as the import needs, and an engine that keeps its requests."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.failed: list[str] = []
        self.refreshed = 0
        self.requests: list[tuple[dict[str, Any], Any]] = []
        self.tables: list[str] = []
        self.answer = ""
        studio = SimpleNamespace(
            engine=self,
            deliver=lambda callback: callback,
            panel=None,
            inform=self.said.append,
            fail=lambda error: self.failed.append(str(error)),
            refresh_models=self._refresh,
        )
        self.importer = ModelImport(studio, self._ask)
        self.actions = ActionTable()
        for action in self.importer.actions():
            self.actions.add(action)

    def _refresh(self) -> None:
        self.refreshed += 1

    def _ask(self, sentence: str) -> str:
        self.tables.append(sentence)
        return self.answer

    def request(self, kind: str, params: Any, on_event: Any) -> None:
        assert kind == "import_model"
        self.requests.append((params, on_event))

    def end(self, status: JobStatus, result: Any = None, error: Any = None) -> None:
        self.requests[-1][1](JobEnd(1, status, result or {}, error))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_imported_model_is_offered_to_propose(desk: Desk) -> None:
    desk.importer.start("r50.pth")
    assert desk.requests[0][0] == {"file": "r50.pth", "categories": ""}
    desk.end(JobStatus.SUCCEEDED, {"name": "r50", "categories": ["cat"] * 80})
    assert desk.refreshed == 1
    assert desk.said[-1] == "Imported r50 with 80 classes; choose it under Propose."


def test_where_the_classes_cannot_be_told_the_person_is_asked(desk: Desk) -> None:
    desk.answer = "ytvis-2019"
    desk.importer.start("r50.pth")
    unknown = ConfigError("The 40 classes have no known names.", name="categories", value=None)
    desk.end(JobStatus.FAILED, error=unknown)
    assert desk.tables == ["The 40 classes have no known names."]
    assert desk.requests[-1][0] == {"file": "r50.pth", "categories": "ytvis-2019"}
    assert not desk.failed


def test_cancelling_that_question_ends_it(desk: Desk) -> None:
    desk.importer.start("r50.pth")
    unknown = ConfigError("No names.", name="categories", value=None)
    desk.end(JobStatus.FAILED, error=unknown)
    assert len(desk.requests) == 1
    assert not desk.failed


def test_a_file_that_does_not_fit_is_one_sentence(desk: Desk) -> None:
    desk.importer.start("cat.pth")
    desk.end(JobStatus.FAILED, error=CheckpointError("It lacks 3 tensors.", path="cat.pth"))
    assert desk.failed == ["It lacks 3 tensors."]
    assert desk.refreshed == 0


def test_an_engine_that_cannot_start_is_one_sentence(desk: Desk) -> None:
    def refuse(*_: Any) -> None:
        raise EngineError("The engine cannot be started.")

    desk.request = refuse  # type: ignore[method-assign]
    desk.importer.start("r50.pth")
    assert desk.failed == ["The engine cannot be started."]


def test_it_is_in_the_table_of_actions(desk: Desk) -> None:
    assert desk.actions["model.import"].enabled


def test_a_model_of_one_class_is_told_as_one(desk: Desk) -> None:
    desk.importer.start("r50.pth")
    desk.end(JobStatus.SUCCEEDED, {"name": "r50", "categories": ["cat"]})
    assert desk.said[-1] == "Imported r50 with 1 class; choose it under Propose."

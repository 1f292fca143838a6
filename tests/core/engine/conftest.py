import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.process import engine_environment

TOY = [sys.executable, str(Path(__file__).with_name("toy_engine.py"))]


@pytest.fixture
def toy_command() -> list[str]:
    return list(TOY)


@pytest.fixture
def client(tmp_path: Path, toy_command: list[str]) -> Iterator[EngineClient]:
    """A client of the toy engine; it must leave no thread and no process."""
    before = set(threading.enumerate())
    with EngineClient(command=toy_command, log_folder=tmp_path / "log") as toy:
        yield toy
    assert toy.pid is None
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    """The real engine on one thread, the same for all tests: starting it takes seconds."""
    folder = tmp_path_factory.mktemp("log")
    with EngineClient(environment=engine_environment(1), log_folder=folder) as client:
        yield client

"""The plain tracker, loaded by path because the tests are no package."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def plain_tracker():
    path = Path(__file__).with_name("plain_tracker.py")
    spec = importlib.util.spec_from_file_location("plain_tracker", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

"""What is installed: a wheel has the four packages with all their data, and nothing else."""

import itertools
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "ifc_core": ROOT / "ifc_core",
    "ifc_app": ROOT / "app" / "ifc_app",
    "napari_ifc": ROOT / "plugins" / "napari_ifc",
    "ifc_resources": ROOT / "resources" / "ifc_resources",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=240)
    (file,) = folder.glob("ifc_studio-*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def test_it_holds_every_tracked_file_of_the_packages(wheel):
    names = set(wheel.namelist())
    for package, folder in PACKAGES.items():
        listed = subprocess.run(
            ["git", "ls-files", "."], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.split("\n")
        missing = [f for f in listed if f and f"{package}/{f}" not in names]
        assert not missing, f"the wheel lacks {missing} of {package}"


def test_its_top_level_names_are_ours_alone(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {t for t in tops if not t.endswith(".dist-info")} == set(PACKAGES)


def test_the_command_and_the_plugin_are_announced(wheel):
    (entry_points,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    text = wheel.read(entry_points).decode()
    assert "ifc-studio = ifc_core.cli:main" in text
    assert "ifc-studio = napari_ifc:napari.yaml" in text
    assert "desktop = ifc_app.launcher:launch" in text


def test_every_package_is_typed(wheel):
    names = set(wheel.namelist())
    assert all(f"{package}/py.typed" in names for package in PACKAGES)


def test_the_pins_carry_hashes_and_no_addresses():
    text = (ROOT / "requirements.txt").read_text()
    assert "://" not in text
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert len(pins) > 100
    assert all("--hash=sha256:" in text.split(pin)[1][:120] for pin in pins)


def test_everything_declared_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    declared = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    for requirement in declared:
        name = requirement.replace("[", ">").split(">")[0].split("!")[0].strip().lower()
        assert name in pinned | {"ifc-studio"}, f"{name} has no pin; run make lock"

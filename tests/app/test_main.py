"""``python -m ifc_app``."""

import subprocess
import sys

import pytest

from ifc_app import __main__ as program
from ifc_core.errors import InputError


@pytest.mark.parametrize(("words", "path"), [([], None), (["clip.mp4"], "clip.mp4")])
def test_it_opens_what_it_is_given_or_the_sample(monkeypatch, words, path):
    opened = []
    monkeypatch.setattr(sys, "argv", ["ifc_app", *words])
    monkeypatch.setattr(program, "launch", lambda path, *, sample: opened.append((path, sample)))
    program.main()
    assert opened == [(path, True)]


def test_help_is_no_file(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ifc_app", "--help"])
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 0
    assert "video, image, folder or project" in capsys.readouterr().out


def test_an_error_of_ours_is_one_line(monkeypatch, capsys):
    def launch(path, *, sample):
        raise InputError("There is no file or folder gone.mp4.")

    monkeypatch.setattr(sys, "argv", ["ifc_app", "gone.mp4"])
    monkeypatch.setattr(program, "launch", launch)
    assert program.main() == 2
    assert capsys.readouterr().err == "ifc-studio: There is no file or folder gone.mp4.\n"


def test_the_start_of_the_window_loads_neither_torch_nor_what_a_later_step_needs():
    code = (
        "import sys, ifc_app.window\n"
        "print([m for m in ('torch', 'scipy.optimize') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from ifc_core import cli
from ifc_core.cli import application, desktop
from ifc_core.errors import CheckpointError, ConfigError, EngineError, InputError, OutputError
from ifc_core.jobs import JobCancelled
from ifc_core.version import __version__

MAIN = "import sys; from ifc_core.cli import main; sys.exit(main())"
FORBIDDEN = "{'torch', 'torchvision', 'cv2', 'av', 'napari', 'qtpy', 'PySide6'}"


def run_python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a function in the place of ``ifc-studio validate``."""

    def replace(function: Any) -> None:
        app = typer.Typer()
        app.command()(function)
        monkeypatch.setattr(application, "load_command", lambda name: typer.main.get_command(app))

    return replace


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    done = run_python(
        "import sys; from ifc_core.cli import main; status = main(['--help']);"
        f"heavy = {FORBIDDEN} & set(sys.modules); assert not heavy, heavy; sys.exit(status)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for name in application.COMMANDS:
        assert name in done.stdout
    assert "Example" in done.stdout


def test_every_command_exists_and_its_help_has_an_example_without_torch() -> None:
    names = list(application.COMMANDS)
    done = run_python(
        "import sys\n"
        "from ifc_core.cli import main\n"
        "for name in sys.argv[1:]:\n"
        "    print('>>', name, flush=True)\n"
        "    assert main([name, '--help']) == 0, name\n"
        "    assert 'torch' not in sys.modules, name\n",
        *names,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    for name, text in zip(names, done.stdout.split(">> ")[1:], strict=True):
        assert "Example" in text, name
        assert "--install-completion" not in text, name


@pytest.mark.parametrize("group", ["project", "models"])
def test_a_group_without_a_command_shows_its_help(
    capsys: pytest.CaptureFixture[str], group: str
) -> None:
    assert cli.main([group]) == 2
    captured = capsys.readouterr()
    assert "Commands" in captured.out
    assert captured.err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ifc-studio {__version__}\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("Give a file."), 2),
        (CheckpointError("Odd\nweights.", path="x"), 2),
        (EngineError("It went away."), 1),
        (RuntimeError("inner"), 1),
        (JobCancelled("x"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_end_in_one_line_and_their_status(
    command: Any,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
) -> None:
    def failing() -> None:
        raise error

    command(failing)
    assert cli.main(["validate"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    if status in (1, 2):
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("ifc-studio: ")
    if isinstance(error, RuntimeError):
        assert "--debug" in captured.err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 4.00 GiB"),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
    ids=repr,
)
def test_too_little_memory_is_told_as_that(
    command: Any, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def failing() -> None:
        raise error

    command(failing)
    assert cli.main(["validate"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"ifc-studio: The memory is full ({type(error).__name__}")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    "reason",
    [
        "libgomp.so.1: cannot allocate memory in static TLS block",
        "x.so: failed to map segment from shared object: Operation not permitted",
    ],
)
def test_what_cannot_be_loaded_for_another_cause_is_no_lack_of_memory(
    command: Any, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    def failing() -> None:
        raise ImportError(reason)

    command(failing)
    assert cli.main(["validate"]) == 1
    assert f"The program failed (ImportError: {reason})" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="says that nothing is there")
@pytest.mark.parametrize(
    "words",
    [
        ["validate", "{long}"],
        ["evaluate", "--gt", "{long}", "--pred", "{long}"],
        ["models", "import", "{long}"],
        ["attention", "{long}", "-o", "{out}"],
        ["propose", "{long}", "-o", "{out}"],
        ["project", "new", "{out}", "{long}"],
        ["project", "info", "{long}"],
    ],
    ids=" ".join,
)
def test_a_name_that_no_place_can_have_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    named = {"long": str(tmp_path / ("x" * 300)), "out": str(tmp_path / "out.ifcproj")}
    assert cli.main([word.format(**named) for word in words]) == 2
    told = capsys.readouterr().err
    assert "file name too long" in told.lower()
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_closed_to_us_is_bad_input(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed() -> None:
        raise PermissionError(13, "Permission denied", "/somebody/clip.mp4")

    command(closed)
    assert cli.main(["validate"]) == 2
    told = capsys.readouterr().err
    assert told == "ifc-studio: Cannot reach /somebody/clip.mp4: permission denied.\n"


@pytest.mark.parametrize("words", [["--debug", "validate"], ["validate", "--debug"]])
def test_debug_shows_the_traceback(
    command: Any, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    def failing() -> None:
        raise RuntimeError("inner")

    command(failing)
    assert cli.main(words) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_command_may_give_its_own_status(command: Any) -> None:
    def picky() -> None:
        raise typer.Exit(7)

    command(picky)
    assert cli.main(["validate"]) == 7


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["propsoe", "x.mp4"], "'propose'"),
        (["zzzzzz"], "--help"),
        (["export", "--help"], "did you mean 'project export'?"),
        (["export", "p.ifcproj", "-o", "x.json"], "did you mean 'project export'?"),
        (["exprot"], "did you mean 'project export'?"),
        (["import", "p.ifcproj"], "did you mean 'project import' or 'models import'?"),
        (["eval"], "did you mean 'evaluate'?"),
        (["predict", "x.mp4", "--help"], "did you mean 'propose'?"),
        (["help"], "did you mean '--help'?"),
        (["gone.mp4", "--help"], "There is no file and no command called 'gone.mp4'"),
        (["project", "exprot"], "'export'? See ifc-studio project --help."),
        (["--colour"], "No such option"),
        (["validate"], "Missing argument"),
    ],
)
def test_mistyped_lines_get_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], words: list[str], part: str
) -> None:
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert part in err
    assert err.count("\n") == 1


def opened(monkeypatch: pytest.MonkeyPatch, status: int = 0) -> list[str | None]:
    """Stand in for the window; gives the paths that it was asked to open."""
    paths: list[str | None] = []

    class Entry:
        @staticmethod
        def load() -> Any:
            def launch(path: str | None) -> int:
                paths.append(path)
                return status

            return launch

    monkeypatch.setattr(desktop.metadata, "entry_points", lambda **which: [Entry])
    return paths


def test_a_path_or_nothing_opens_the_desktop_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = tmp_path / "my clip.mp4"
    clip.touch()
    paths = opened(monkeypatch, status=4)
    assert cli.main([str(clip)]) == 4
    assert cli.main([]) == 4
    assert paths == [str(clip), None]


def test_a_file_called_like_what_people_call_a_command_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    paths = opened(monkeypatch)
    assert cli.main(["export"]) == 0
    assert paths == ["export"]
    assert cli.main(["export", "--help"]) == 0
    assert "PATH | COMMAND" in capsys.readouterr().out
    assert paths == ["export"]


def test_two_paths_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(monkeypatch)
    assert cli.main([str(tmp_path), str(tmp_path)]) == 2
    assert "one file" in capsys.readouterr().err


def test_without_qt_the_line_to_install_it_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Entry:
        @staticmethod
        def load() -> Any:
            raise ModuleNotFoundError("No module named 'PySide6'", name="PySide6.QtCore")

    monkeypatch.setattr(desktop.metadata, "entry_points", lambda **which: [Entry])
    assert cli.main([]) == 2
    assert 'pip install ".[app]"' in capsys.readouterr().err
    monkeypatch.setattr(desktop.metadata, "entry_points", lambda **which: [])
    assert cli.main([]) == 2
    assert 'pip install ".[app]"' in capsys.readouterr().err


def test_a_missing_library_of_the_system_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Entry:
        @staticmethod
        def load() -> Any:
            raise ImportError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(desktop.metadata, "entry_points", lambda **which: [Entry])
    assert cli.main([]) == 2
    said = capsys.readouterr().err
    assert "libEGL.so.1" in said
    assert "apt-get install libegl1" in said


def test_a_fault_inside_the_window_is_not_called_a_missing_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Entry:
        @staticmethod
        def load() -> Any:
            raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")

    monkeypatch.setattr(desktop.metadata, "entry_points", lambda **which: [Entry])
    assert cli.main([]) == 1
    assert "pip install" not in capsys.readouterr().err


def test_the_program_itself_can_be_the_engine() -> None:
    """A frozen program starts itself with these words, as there is no interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *cli.ENGINE_ARGUMENTS],
        input=b"",
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"engine" in done.stderr


linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a Linux feature")


@linux_only
def test_a_desktop_entry_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert cli.main(["--install-desktop-entry"]) == 0
    entry = tmp_path / "share" / "applications" / "ifc-studio.desktop"
    assert str(entry) in capsys.readouterr().out
    lines = entry.read_text().splitlines()
    assert lines[0] == "[Desktop Entry]"
    (program,) = [line for line in lines if line.startswith("Exec=")]
    assert program.endswith('ifc-studio" %f')
    assert Path(program.removeprefix('Exec="').removesuffix('" %f')).exists()
    assert list((tmp_path / "share" / "icons").rglob("ifc-studio.*"))


@linux_only
def test_a_desktop_entry_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "share").write_text("a file in the way")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert cli.main(["--install-desktop-entry"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_odd_characters_in_the_path_of_the_program_are_quoted() -> None:
    assert desktop._quoted('/a b/$x/50%/"q"') == '"/a b/\\$x/50%%/\\"q\\""'


def test_the_table_names_modules_that_can_be_found() -> None:
    for module, line in application.COMMANDS.values():
        assert importlib.util.find_spec(module) is not None, module
        assert line.endswith(".")


def test_the_errors_of_options_and_of_outputs_are_ours() -> None:
    assert issubclass(ConfigError, InputError)
    assert issubclass(OutputError, InputError)
    assert os.environ["IFC_STUDIO_HOME"]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_no_command(tmp_path: Path, closed: str) -> None:
    code = (
        "import os, sys\n"
        "from ifc_core.cli import main\n"
        "from ifc_core.cli.reporting import job\n"
        f"assert main(['project', 'new', {str(tmp_path / 'p.ifcproj')!r}]) == 0\n"
        "with job('Work') as context:\n"
        "    context.advance(1, 1)\n"
        "names = [stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr)]\n"
        "sys.exit(main(['nonsense']) + sum(n != i for i, n in enumerate(names)))\n"
    )
    words = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code]
    done = subprocess.run(words, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2, done.stderr

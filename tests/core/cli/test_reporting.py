import io
import json
import os
import signal
import subprocess
import sys

import pytest

from ifc_core.cli import reporting
from ifc_core.jobs import JobCancelled, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_plain_lines_and_not_one_a_frame() -> None:
    out = io.StringIO()
    with reporting.job("Proposing", stream=out) as context:
        for done in range(1, 101):
            context.advance(done, 100)
    lines = out.getvalue().splitlines()
    assert 2 <= len(lines) < 10
    assert lines[0].startswith("Proposing: 1/100 frames")
    assert lines[-1] == "Proposing: 100/100 frames"
    assert "\x1b" not in out.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    out = Terminal()
    with reporting.job("Proposing", stream=out) as context:
        context.advance(50, 100, "clip 7")
    assert "Proposing" in out.getvalue()
    assert "50/100" in out.getvalue()
    assert "\x1b" in out.getvalue()


def test_a_terminal_that_was_closed_does_not_hide_how_the_job_ended() -> None:
    class Closed(Terminal):
        gone = False

        def write(self, text: str) -> int:
            if self.gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    def cancelled(out: Closed) -> None:
        with reporting.job("Proposing", stream=out) as context:
            context.advance(1, 2)
            out.gone = True
            raise JobCancelled

    with pytest.raises(JobCancelled):
        cancelled(Closed())


def test_brackets_in_a_name_are_letters_on_a_terminal_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    with reporting.job("Proposing on a[red]b[/b].mp4", stream=out) as context:
        context.advance(1, 2, "note [bold]c[/].mp4")
    assert "a[red]b[/b].mp4" in out.getvalue()
    assert "note [bold]c[/].mp4" in out.getvalue()


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(3, None, "", 1.0, None), "Job: 3 frames"),
        (Progress(3, 9, "loading", 1.0, 125.0), "Job: 3/9 frames, 2:05 left, loading"),
        (Progress(1, 9, "", 1.0, 7384.0), "Job: 1/9 frames, 2:03:04 left"),
        (Progress(9, 9, "", 1.0, 0.0, "iterations"), "Job: 9/9 iterations"),
    ],
)
def test_plain_lines(progress: Progress, line: str) -> None:
    assert reporting.plain_line("Job", progress) == line


def test_one_thing_is_told_as_one() -> None:
    assert reporting.counted(1, "new category") == "1 new category"
    assert reporting.counted(0, "new category") == "0 new categories"
    assert reporting.counted(2, "edit") == "2 edits"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_job_at_its_next_check_and_the_handler_goes(number: int) -> None:
    before = signal.getsignal(number)
    with reporting.job("Job", stream=io.StringIO()) as context:
        context.advance(1, 2)
        os.kill(os.getpid(), number)
        with pytest.raises(JobCancelled):
            context.advance(2, 2)
        handler = signal.getsignal(number)
        assert callable(handler)
        with pytest.raises(KeyboardInterrupt):
            handler(number, None)  # a second time
    assert signal.getsignal(number) is before


def test_json_goes_to_standard_output_alone() -> None:
    code = (
        "from ifc_core.cli import reporting\n"
        "with reporting.job('J') as context:\n"
        "    context.advance(1, 1)\n"
        "reporting.print_json({'ä': 1})\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.stdout == '{\n  "ä": 1\n}\n'
    assert done.stderr == "J: 1/1 frames\n"


def test_json_refuses_what_other_readers_refuse() -> None:
    with pytest.raises(ValueError, match="JSON"):
        reporting.print_json({"loss": float("nan")})


def test_one_of_a_thing_is_told_as_one() -> None:
    assert (
        reporting.plain_line("Writing", Progress(0, 1, "", 0.0, None, "tracks"))
        == "Writing: 0/1 tracks"
    )
    assert (
        reporting.plain_line("Reading", Progress(1, None, "", 0.0, None, "tracks"))
        == "Reading: 1 track"
    )
    assert (
        reporting.plain_line("Writing", Progress(1, 2, "", 0.0, None, "tracks"))
        == "Writing: 1/2 tracks"
    )


def test_a_name_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    reporting.print_line("a\x1b[2Jb\tc\nd \u202e \u0645\u200c")
    reporting.print_note("\x9b1m")
    reporting.print_json({"name": "\x1b\x7f\x9b"})
    out, err = capsys.readouterr()
    first, rest = out.split("{", 1)
    assert first == "a?[2Jb\tc\nd ? \u0645\u200c\n"
    assert json.loads("{" + rest) == {"name": "\x1b\x7f\x9b"}
    assert rest.isascii()
    assert rest.replace("\n", "").isprintable()
    assert err == "ifc-studio: note: ?1m\n"
    assert reporting.plain_line("\x1b", Progress(1, 2, "\x1b", 0.0, None)) == "?: 1/2 frames, ?"

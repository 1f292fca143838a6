"""Facts of the machine in words; the text that a report carries."""

from ifc_core.config import log_dir
from napari_ifc.controllers.diagnostics import (
    Speed,
    diagnostics_text,
    log_files,
    machine_rows,
    status_text,
)

REPORT = {
    "platform": "Linux",
    "memory": {"total": 8 * 2**30, "available": 2 * 2**30, "engine": 2**29},
    "threads": 4,
    "devices": [{"name": "cpu", "kind": "x86_64", "total_bytes": 8 * 2**30, "engine_bytes": 2**29}],
    "advice": "Install the CUDA build.",
}


def test_the_line_names_device_memory_and_speed():
    assert status_text({}, None) == "The engine has not started yet"
    assert status_text(REPORT, Speed(80, 40.0)) == "CPU · 0.5 GiB in use · 2.0 frames/s"


def test_rows_name_every_fact():
    rows = dict(machine_rows(REPORT, Speed(80, 40.0)))
    assert rows["Machine memory"] == "2.0 GiB free of 8.0 GiB"
    assert rows["Processor threads"] == "4"
    assert rows["Last run"] == "2.0 frames/s"
    assert rows["Advice"].startswith("Install")
    assert "napari" in rows
    assert dict(machine_rows({}, None))["Last run"] == "none in this session"


def test_diagnostics_hold_the_end_of_the_newest_logs():
    log_dir().mkdir(parents=True)
    path = log_dir() / "engine-1.log"
    path.write_text("\n".join(f"line {n}" for n in range(100)))
    text = diagnostics_text(machine_rows(REPORT, None), log_files(), "640 × 360")
    assert "--- engine-1.log" in text
    assert "line 99" in text
    assert "line 10\n" not in text
    assert "Open: 640 × 360" in text

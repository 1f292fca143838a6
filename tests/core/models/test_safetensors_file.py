"""Writing safetensors files where the system does not let them be written."""

import errno
import os

import pytest
import torch
from safetensors import SafetensorError

from ifc_core.errors import OutputError
from ifc_core.models import safetensors_file
from ifc_core.models.checkpoint import save_model
from ifc_core.models.edge_network import EdgeNetwork, write_edge_network
from ifc_core.models.safetensors_file import save_tensors
from ifc_core.structures import Category

CATEGORIES = tuple(Category(number, f"class {number}") for number in (1, 2, 3))


@pytest.mark.parametrize("kind", ["model", "edges"])
def test_a_full_disk_is_an_output_error_that_leaves_the_old_file(
    make_model, tmp_path, full_disk, kind
):
    path = tmp_path / "out.safetensors"
    path.write_text("old")

    def write():
        if kind == "edges":
            write_edge_network(path, EdgeNetwork().state_dict(), {})
        else:
            save_model(make_model(), path, categories=CATEGORIES)

    with (
        full_disk(),
        pytest.raises(OutputError, match=r"Cannot write .*: file too large") as caught,
    ):
        write()
    assert caught.value.path == path
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows numbers its errors in another way")
@pytest.mark.parametrize(
    "said",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        'Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "full" })',
    ],
)
def test_what_the_system_said_is_told_by_every_version(tmp_path, monkeypatch, said):
    def fail(tensors, path, metadata):
        raise SafetensorError(said)

    monkeypatch.setattr(safetensors_file, "save_file", fail)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_tensors({}, tmp_path / "x")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "x"))


def test_an_error_that_is_no_writing_stays_what_it_is(tmp_path, monkeypatch):
    def fail(tensors, path, metadata):
        raise SafetensorError("Error while serializing: TensorInvalidInfo")

    monkeypatch.setattr(safetensors_file, "save_file", fail)
    with pytest.raises(SafetensorError, match="TensorInvalidInfo"):
        save_tensors({"a": torch.zeros(1)}, tmp_path / "x")

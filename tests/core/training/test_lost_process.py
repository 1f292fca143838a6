"""What the others of a run do where one of its processes is lost."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch.distributed as dist

from ifc_core.errors import CheckpointError, EngineError, OutputError
from ifc_core.training.config import TrainConfig, build_config
from ifc_core.training.distributed import joined_ranks
from ifc_core.training.run_state import INDEX_NAME, read_shards
from ifc_core.training.trainer import Trainer, train

_WORKER = """
import json, os, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from conftest import ToySource
from ifc_core.training import trainer
from ifc_core.training.config import TrainConfig, build_config
config = build_config(TrainConfig, json.loads(sys.argv[2]))
step = trainer.Trainer._step

def dies(self):
    if self.ranks.rank == 1 and self.iteration == 1:
        os._exit(9)
    return step(self)

trainer.Trainer._step = dies
trainer.open_data = lambda settings: (settings, ToySource())
try:
    trainer.train(config)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_the_state_is_saved_and_a_sentence_told_where_another_process_dies(
    toy_source, tmp_path, request
):
    table = {
        "output": str(tmp_path / "two"),
        "categories": ["red", "green"],
        "model": {"preset": "tiny", "frozen_batch_norm": True},
        "device": "cpu",
        "data": {"num_workers": 0},
        "stages": [{"iterations": 4, "num_frames": [2], "batch_size": 4, "sizes": [[48, 64]]}],
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(request.path.parent), json.dumps(table)],
            env={**os.environ, **common, "WORLD_SIZE": "2", "RANK": rank, "LOCAL_RANK": rank},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in "01"
    ]
    told = [process.communicate(timeout=240)[0] for process in processes]
    assert processes[1].returncode == 9
    assert told[0].startswith("EngineError Another of the run's 2 processes ended or cannot be")
    state = Trainer(build_config(TrainConfig, table), source=toy_source)
    assert state.iteration in (1, 2)  # without the loss there would be none for five minutes


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("[third_party/gloo/pair.cc:545] Read error: reset by peer"), EngineError),
        (dist.DistNetworkError("timed out"), EngineError),
        (RuntimeError("sizes differ"), RuntimeError),
    ],
)
def test_only_the_loss_of_a_process_is_called_one(monkeypatch, error, expected):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(dist, "is_initialized", lambda: False)

    def fail(_):
        raise error

    monkeypatch.setattr(dist, "init_process_group", fail)
    with pytest.raises(expected) as caught, joined_ranks("cpu"):
        pass
    assert type(caught.value) is expected


def test_weights_are_exported_though_the_state_has_no_room(toy_config, monkeypatch, toy_source):
    """A machine that is there for a while only: what is small enough is brought home."""

    def no_room(self):
        raise OutputError("Cannot write it: no space left.", path=self.state_path)

    monkeypatch.setattr(Trainer, "save_state", no_room)
    monkeypatch.setattr(
        "ifc_core.training.trainer.open_data", lambda settings: (settings, toy_source)
    )
    config = toy_config()
    with pytest.raises(OutputError, match="no space left"):
        train(config, stop_after_seconds=0)
    assert read_shards(config.output / "ema")[1]["iteration"] == 1


@pytest.mark.parametrize("text", ["5", "null", "[]", '"shards"', '{"shards": 5}', "[" * 100_000])
def test_an_index_that_is_none_is_named(tmp_path, text):
    (tmp_path / INDEX_NAME).write_text(text)
    with pytest.raises(CheckpointError, match="is no index of exported weights"):
        read_shards(tmp_path)

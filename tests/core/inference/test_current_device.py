"""With several GPUs nothing works on the current one merely because nobody said which."""

import ast
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ifc_core import inference
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.models.ifc import FrameFeatures

_SAYS_WHICH = {  # calls that mean the current device or its stream where they are told nothing
    "current_stream": "device",
    "default_stream": "device",
    "synchronize": "device",
    "Stream": "device",
    "record": "stream",
    "wait": "stream",
    "graph": "stream",
}


def unplaced(tree):
    """Lines of calls that leave it to CUDA which device they are about."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        needed = _SAYS_WHICH.get(node.func.attr)
        of_cuda = ast.unparse(node.func.value) == "torch.cuda"
        if needed is None or not (of_cuda or needed == "stream"):
            continue
        named = any(keyword.arg == needed for keyword in node.keywords)
        if not (named or (node.args and node.func.attr != "graph")):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_every_call_says_which_device_it_means():
    files = sorted(Path(inference.__file__).parent.glob("*.py"))
    assert files
    for file in files:
        found = list(unplaced(ast.parse(file.read_text("utf-8"))))
        assert not found, f"{file.name}: {found}"


def test_what_survives_is_known_once_the_device_of_the_clips_has_come_so_far(
    tiny_model, monkeypatch
):
    recorded = []
    event = type("Event", (), {"record": lambda self, stream=None: recorded.append(stream)})
    empty = torch.empty
    monkeypatch.setattr(torch.cuda, "Event", event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"that of {device}")
    monkeypatch.setattr(torch, "empty", lambda *size, pin_memory=False, **kw: empty(*size, **kw))
    with FakeTensorMode(allow_non_fake_inputs=True):
        there = {"device": "cuda:1"}
        maps = torch.zeros(1, 8, 2, 3, **there)
        features = FrameFeatures(maps, maps, maps, maps, None, (2, 3))
        answer = torch.zeros(1, 5, 4, **there), torch.zeros(1, 5, 8, **there), maps[None]
        monkeypatch.setattr(ClipRunner, "_decoded", lambda self, features, count: answer)
        frame = CachedFrame(torch.zeros(16, 24, 3, dtype=torch.uint8), features)
        pending = ClipRunner(tiny_model)._decode([[frame]], [(0,)])
    assert pending.class_probs.device == torch.device("cuda:1")
    assert recorded == ["that of cuda:1"]

import json

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from ifc_core import cli
from ifc_core.models import registry
from ifc_core.models.checkpoint import expected_shapes, read_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.published_names import ours_to_published


@pytest.fixture(scope="module")
def published_file(tmp_path_factory):
    config = IFCConfig(hidden_dim=32, feedforward_dim=16, num_queries=4)
    state = {ours_to_published(n): torch.full(s, 0.01) for n, s in expected_shapes(config).items()}
    path = tmp_path_factory.mktemp("published") / "ytvis_r50.pth"
    torch.save({"model": state}, path)
    return path


def run_json(capsys, *words):
    assert cli.main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_import_list_info_remove(capsys, published_file):
    assert cli.main(["models", "import", str(published_file)]) == 0
    line = capsys.readouterr().out
    assert "resnet50, 40 classes (person, ...), 8 memory tokens" in line
    listed = run_json(capsys, "models", "list")["models"]
    (entry,) = (m for m in listed if m["name"] == "ytvis_r50")
    assert entry["kind"] == "user"
    assert cli.main(["models", "list"]) == 0
    assert "ytvis_r50" in capsys.readouterr().out
    described = run_json(capsys, "models", "info", "ytvis_r50")
    assert described["model_config"]["backbone"] == "resnet50"
    assert described["categories"][1] == {"id": 2, "name": "giant_panda"}
    assert described["sha256"] == read_checkpoint(entry["path"]).info.sha256
    assert cli.main(["models", "info", "ytvis_r50"]) == 0
    assert "giant_panda" in capsys.readouterr().out
    assert cli.main(["models", "remove", "ytvis_r50"]) == 0
    assert not (registry.user_models_dir() / "ytvis_r50.safetensors").exists()


def test_import_to_a_file_with_named_classes(capsys, published_file, tmp_path):
    target = tmp_path / "out.safetensors"
    words = ["models", "import", published_file, "-o", target, "--categories", "ytvis-2021"]
    written = run_json(capsys, *words)
    assert written["path"] == str(target)
    assert written["categories"][0]["name"] == "airplane"


def test_an_import_never_replaces_what_it_reads(capsys, published_file, monkeypatch):
    before = published_file.read_bytes()
    monkeypatch.chdir(published_file.parent)
    words = ["models", "import", str(published_file), "-o", published_file.name]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert "is a file to read" in said
    assert said.count("\n") == 1
    assert published_file.read_bytes() == before


def test_an_import_never_replaces_the_file_of_its_classes(capsys, published_file, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("".join(f"thing {n}\n" for n in range(40)))
    before = names.read_bytes()
    words = ["models", "import", str(published_file), "--categories", str(names)]
    assert cli.main([*words, "-o", str(names)]) == 2
    said = capsys.readouterr().err
    assert "names.txt is a file to read" in said
    assert said.count("\n") == 1
    assert names.read_bytes() == before


def test_import_of_a_backbone_says_what_it_is(capsys, tmp_path):
    path = tmp_path / "resnet18.pth"
    torch.save(resnet18().state_dict(), path)
    assert cli.main(["models", "import", str(path), "-o", str(tmp_path / "o.safetensors")]) == 0
    assert "Only the backbone is trained" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models", "import", "none.pth"], "no such file"),
        (["models", "info", "nothing"], "no model and no file"),
        (["models", "remove", "nothing"], "no model and no file"),
        (["models", "remove", "default"], "The model default comes with the program and stays"),
        (["models", "list", "--project", "none.ifcproj"], "not an IFC Studio project"),
        (["flops", "--encoder", "vistr"], "encoder"),
        (["flops", "--frames", "0"], "frames"),
        (["attention", "none.mp4", "-o", "x", "--scale", "log"], "scale"),
    ],
)
def test_bad_input_is_one_sentence(capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert streams.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_one_sentence(capsys, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"nonsense")
    assert cli.main(["models", "info", str(path)]) == 2
    assert "not a safetensors file" in capsys.readouterr().err


def test_flops(capsys):
    assert run_json(capsys, "flops") == {"gflops": 5.52}
    words = ["flops", "--encoder", "full", "--height", "720", "--width", "1280", "--frames", "36"]
    assert run_json(capsys, *words) == {"gflops": 1815.38}
    assert cli.main(["flops", "--encoder", "none"]) == 0
    assert capsys.readouterr().out == "5.17 GFLOPs\n"


@pytest.fixture
def attend(tiny_model_file, clip_folder):
    def run(output, *words):
        options = ["--model", str(tiny_model_file), "--device", "cpu", "--clip-length", "3"]
        return cli.main(["attention", str(clip_folder), "-o", str(output), *options, *words])

    return run


def test_attention_writes_overlays_and_rows(attend, tmp_path):
    output = tmp_path / "attention"
    assert attend(output, "--frame", "4") == 0
    names = sorted(p.name for p in output.iterdir())
    pictures = [f"frame00004_layer{i}_token{m}.png" for i in (0, 1) for m in (0, 1)]
    assert names == ["attention.npz", *pictures]
    picture = cv2.imread(str(output / pictures[0]))
    assert picture.shape == (48 + 22, 80, 3)
    with np.load(output / "attention.npz") as arrays:
        assert int(arrays["frame_index"]) == 4
        assert arrays["frame_indices"].tolist() in ([2, 3, 4], [3, 4, 5], [4, 5, 6])
        assert arrays["frame_indices"][arrays["position"]] == 4
        length = int(np.prod(arrays["grid_size"]))
        assert arrays["encode_receive"].shape == (2, 3, 4, length + 2, length + 2)
        assert arrays["gather_communicate"].shape == (2, 2, 4, 3, 3)
        for name in ("encode_receive", "gather_communicate", "decoder"):
            np.testing.assert_allclose(arrays[name].sum(-1), 1, atol=1e-5)


def test_attention_of_one_token(attend, tmp_path):
    words = ["--frame", "0", "--layer", "1", "--token", "0", "--head", "2", "--scale", "clip"]
    assert attend(tmp_path / "a", *words) == 0
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["attention.npz", "frame00000_layer1_token0.png"]


@pytest.mark.parametrize(
    ("option", "said"),
    [("--frame", "9 frames"), ("--layer", "2 layers"), ("--token", "2 tokens"), ("--head", "4 h")],
)
def test_attention_out_of_range(attend, capsys, tmp_path, option, said):
    assert attend(tmp_path / "a", option, "9") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_attention_into_a_place_that_is_a_file(attend, capsys, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("x")
    assert attend(taken) == 2
    assert "Cannot write" in capsys.readouterr().err


def test_pictures_of_attention_come_together_or_not_at_all(attend, capsys, tmp_path, monkeypatch):
    output = tmp_path / "attention"
    assert attend(output, "--layer", "1") == 0
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    savez = np.savez_compressed

    def full(file, **arrays):
        savez(file, **arrays)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    assert attend(output, "--frame", "3") == 2
    assert f"Cannot write {output / 'attention.npz'}: no space left" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_a_model_that_does_not_fit_on_the_disk(tiny_model_file, tmp_path, capsys, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr("shutil.copyfile", full)
    target = tmp_path / "mine.safetensors"
    assert cli.main(["models", "import", str(tiny_model_file), "-o", str(target)]) == 2
    assert f"Cannot write {target}: no space left on device." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

"""Reading published files: what fits, what does not, and what must never happen."""

import io
import pickle
import zipfile

import pytest
import torch
from torchvision.models import resnet18

from ifc_core.errors import CheckpointError, ConfigError, OutputError
from ifc_core.models import registry
from ifc_core.models.checkpoint import expected_shapes, read_checkpoint
from ifc_core.models.class_names import TABLES, class_table
from ifc_core.models.config import IFCConfig
from ifc_core.models.convert import convert_checkpoint, import_model, load_backbone
from ifc_core.models.published_names import ours_to_published, published_to_ours
from ifc_core.models.safetensors_file import save_tensors

SMALL = {"hidden_dim": 32, "feedforward_dim": 16, "num_queries": 4}


def _state(backbone="resnet50", num_classes=40, num_memory_tokens=8, dense=False, **changes):
    """A small network in the authors' names, with the extras of their files.

    Unless ``dense``, each tensor is one number seen many times: shapes alone matter then, and
    a file is small.
    """
    config = IFCConfig(
        backbone=backbone,
        num_classes=num_classes,
        num_memory_tokens=num_memory_tokens,
        **{**SMALL, **changes},
    )
    value = torch.full((1,), 0.01)
    state = {
        ours_to_published(name): torch.full(shape, 0.01) if dense else value.expand(shape)
        for name, shape in expected_shapes(config).items()
    }
    state["criterion.empty_weight"] = torch.ones(num_classes + 1)
    return state


@pytest.fixture(scope="module")
def published():
    return _state()


def _save(tmp_path, content):
    path = tmp_path / "model_final.pth"
    torch.save(content, path)
    return path


def test_names_go_both_ways():
    for name in expected_shapes(IFCConfig(backbone="resnet101")):
        assert published_to_ours(ours_to_published(name)) == name


def test_names_without_a_place():
    with pytest.raises(KeyError):
        published_to_ours("detr.unheard_of.weight")


def test_architecture_is_read_off_the_tensors(tmp_path):
    state = _state(num_classes=25, num_memory_tokens=5, num_encoder_layers=2, num_decoder_layers=4)
    config = convert_checkpoint(_save(tmp_path, {"model": state})).model_config
    expected = IFCConfig(
        num_classes=25,
        num_memory_tokens=5,
        num_encoder_layers=2,
        num_decoder_layers=4,
        **SMALL,
    )
    assert config == expected


@pytest.mark.parametrize(
    ("num_classes", "num_memory_tokens", "first", "last_id"),
    [
        (40, 8, "person", 40),
        (40, 32, "airplane", 40),
        (80, 8, "person", 90),
        (25, 8, "Person", 25),
    ],
)
def test_class_names_follow_from_the_sizes(
    tmp_path, num_classes, num_memory_tokens, first, last_id
):
    state = _state(num_classes=num_classes, num_memory_tokens=num_memory_tokens)
    categories = convert_checkpoint(_save(tmp_path, state)).categories
    assert categories[0].name == first
    assert categories[-1].id == last_id


def test_class_names_that_must_be_given(tmp_path):
    path = _save(tmp_path, {"model": _state(num_memory_tokens=16)})
    with pytest.raises(ConfigError, match="--categories"):
        convert_checkpoint(path)
    assert convert_checkpoint(path, "ytvis-2021").categories == class_table("ytvis-2021")
    with pytest.raises(ConfigError, match="40 classes"):
        convert_checkpoint(path, "coco")
    with pytest.raises(ConfigError, match="No class names"):
        convert_checkpoint(path, "ytvis-2022")


def test_class_names_from_files(tmp_path):
    path = _save(tmp_path, {"model": _state(num_classes=2)})
    lines = tmp_path / "names.txt"
    lines.write_text("leaf\n\nstem\n")
    assert [c.name for c in convert_checkpoint(path, lines).categories] == ["leaf", "stem"]
    table = tmp_path / "set.json"
    table.write_text('{"categories": [{"id": 4, "name": "a"}, {"id": 9, "name": "b"}]}')
    assert [c.id for c in convert_checkpoint(path, str(table)).categories] == [4, 9]
    table.write_text('{"categories": 5}')
    with pytest.raises(ConfigError, match="No class names"):
        convert_checkpoint(path, table)


def test_tables_are_complete():
    sizes = {name: len(class_table(name)) for name in TABLES}
    assert sizes == {"coco": 80, "ytvis-2019": 40, "ytvis-2021": 40, "ovis": 25}
    for name in TABLES:
        categories = class_table(name)
        assert len({c.name for c in categories}) == len({c.id for c in categories})
        assert len({c.color_rgb for c in categories}) == len(categories)


def test_r101_keeps_its_input_conventions(tmp_path):
    path = _save(tmp_path, {"model": _state(backbone="resnet101")})
    target, _ = import_model(path, tmp_path / "out.safetensors")
    config = read_checkpoint(target).model_config
    assert config.backbone == "resnet101"
    assert config.stride_in_1x1
    assert config.color_order == "bgr"
    assert config.pixel_mean == (103.53, 116.28, 123.675)
    assert config.pixel_std == (1.0, 1.0, 1.0)


def test_import_into_the_users_folder(tmp_path):
    path = _save(tmp_path, {"model": _state(dense=True), "iteration": 1})
    target, info = import_model(path)
    assert target == registry.user_models_dir() / "model_final.safetensors"
    assert info.provenance["source"] == "model_final.pth"
    assert read_checkpoint(target).info == info


def test_an_import_replaces_no_other_model_of_its_name(tmp_path):
    state = _state(dense=True)
    first, info = import_model(_save(tmp_path, {"model": state}))
    before = first.read_bytes(), first.stat().st_mtime_ns
    assert import_model(_save(tmp_path, {"model": state})) == (first, info)
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    state["detr.query_embed.weight"][:] = 0.5
    other, _ = import_model(_save(tmp_path, {"model": state}))
    assert other == first.with_name("model_final-2.safetensors")
    assert import_model(_save(tmp_path, {"model": state}))[0] == other
    named, _ = import_model(_save(tmp_path, {"model": state}), categories="ytvis-2021")
    assert named == first.with_name("model_final-3.safetensors")
    other.write_bytes(b"damaged, or of a newer version")
    fourth, _ = import_model(_save(tmp_path, {"model": state}))
    assert fourth == first.with_name("model_final-4.safetensors")
    assert first.read_bytes() == before[0]


@pytest.mark.parametrize("name", ["default", registry.DEFAULT_MODEL, "IFC-r18-objects"])
def test_an_import_takes_no_name_of_the_programs_models(tmp_path, name):
    path = tmp_path / f"{name}.pth"
    torch.save({"model": _state(dense=True)}, path)
    target, _ = import_model(path)
    assert target == registry.user_models_dir() / f"{name}-2.safetensors"
    with pytest.raises(OutputError, match="comes with the program"):
        import_model(path, registry.user_models_dir() / f"{name}.safetensors")
    elsewhere = tmp_path / f"{name}.safetensors"
    assert import_model(path, elsewhere)[0] == elsewhere


@pytest.mark.parametrize(
    "name",
    [
        "detr.transformer.memory_bus",
        "detr.input_proj.weight",
        "detr.class_embed.layers.1.weight",
        "detr.backbone.0.backbone.res4.5.conv3.norm.running_var",
        "detr.transformer.encoder.bus_layers.1.norm2.bias",
    ],
)
def test_a_missing_tensor_is_named(tmp_path, published, name):
    state = {k: v for k, v in published.items() if k != name}
    with pytest.raises(CheckpointError) as caught:
        convert_checkpoint(_save(tmp_path, {"model": state}))
    assert name in str(caught.value)
    assert caught.value.missing == (name,)


def test_extra_and_misshapen_tensors_are_named(tmp_path, published):
    state = dict(published)
    state["detr.mask_head.lay4.weight"] = torch.zeros(2)
    state["detr.input_proj.bias"] = torch.zeros(31)
    with pytest.raises(CheckpointError) as caught:
        convert_checkpoint(_save(tmp_path, {"model": state}))
    assert caught.value.unexpected == ("detr.mask_head.lay4.weight",)
    assert caught.value.mismatched == {"detr.input_proj.bias": ((32,), (31,))}
    assert "[31] instead of [32]" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(1).expand(10**6, 10**6),
        torch.zeros(32, dtype=torch.int64),
        torch.zeros(32).to_sparse(),
        torch.full((32,), float("inf")),
        [0.0] * 32,
        7,
    ],
    ids=["huge", "integers", "sparse", "infinite", "list", "number"],
)
def test_hostile_values(tmp_path, published, value):
    path = _save(tmp_path, {"model": {**published, "detr.input_proj.bias": value}})
    with pytest.raises(CheckpointError):
        import_model(path, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_huge_size_is_refused_before_it_is_built(tmp_path, published):
    state = {**published, "detr.query_embed.weight": torch.zeros(1).expand(10**9, 32)}
    with pytest.raises(CheckpointError, match="num_queries"):
        convert_checkpoint(_save(tmp_path, {"model": state}))


class _Exploit:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (self.marker, "w")


@pytest.mark.parametrize("legacy", [False, True])
def test_no_code_of_the_file_runs(tmp_path, published, legacy):
    marker = tmp_path / "ran"
    content = {"model": {**published, "x": _Exploit(str(marker))}}
    path = tmp_path / "evil.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match="read safely"):
        convert_checkpoint(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"PK\x03\x04" + b"\0" * 50,
        pickle.dumps({"model": {"a": 1}}),
        pickle.dumps([1, 2]),
        b"\x80\x02" + b"\xff" * 40,
    ],
)
def test_files_of_another_kind(tmp_path, content):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        convert_checkpoint(path)


def test_an_archive_that_unpacks_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ifc_core.models.convert.MAX_UNPACKED_BYTES", 1 << 20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", b"\0" * (2 << 20))
    path = tmp_path / "bomb.pth"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(CheckpointError, match="unpacks to"):
        convert_checkpoint(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        convert_checkpoint(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="folder"):
        convert_checkpoint(tmp_path)


def test_plain_resnet_weights(tmp_path):
    torch.manual_seed(0)
    theirs = resnet18()
    path = tmp_path / "resnet18.pth"
    torch.save(theirs.state_dict(), path)
    checkpoint = convert_checkpoint(path)
    assert checkpoint.model_config == IFCConfig(backbone="resnet18", num_classes=1)
    assert checkpoint.info.provenance["trained"] == "backbone only"
    weight = checkpoint.state_dict["backbone.layer3.1.conv2.weight"]
    assert torch.equal(weight, theirs.layer3[1].conv2.weight)
    assert [c.name for c in convert_checkpoint(path, "ovis").categories][:1] == ["Person"]
    model = checkpoint.build()
    with torch.no_grad():
        model.backbone.conv1.weight.zero_()
    load_backbone(model, path)
    assert torch.equal(model.backbone.conv1.weight, theirs.conv1.weight)


def test_plain_resnet_weights_that_do_not_fit(tmp_path, make_model):
    state = resnet18().state_dict()
    del state["layer2.0.downsample.0.weight"]
    path = tmp_path / "resnet18.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=r"layer2\.0\.downsample\.0\.weight"):
        convert_checkpoint(path)
    with pytest.raises(CheckpointError, match="wrong shape"):
        load_backbone(make_model(), path)


def test_a_model_of_ours_is_checked_and_copied(tmp_path):
    made, info = import_model(_save(tmp_path, {"model": _state(dense=True)}))
    shared = tmp_path / "friend.safetensors"
    shared.write_bytes(made.read_bytes())
    target, copied = import_model(shared)
    assert target == registry.user_models_dir() / "friend.safetensors"
    assert (target.read_bytes(), copied) == (made.read_bytes(), info)
    assert import_model(shared)[0] == target  # it is there
    with pytest.raises(ConfigError, match="leave out --categories"):
        import_model(shared, categories="coco")
    shared.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        import_model(shared, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_tensors_of_another_program_are_no_model_of_ours(tmp_path):
    path = tmp_path / "other.safetensors"
    save_tensors({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"not an IFC Studio model; .* the \.pth files"):
        import_model(path)


def test_values_that_are_no_numbers_are_those_of_the_file_that_was_read(tmp_path):
    state = _state(dense=True)
    state["detr.input_proj.bias"] = torch.full((32,), float("nan"))
    path = _save(tmp_path, {"model": state})
    with pytest.raises(CheckpointError, match=r"model_final\.pth holds NaN"):
        import_model(path, tmp_path / "out.safetensors")

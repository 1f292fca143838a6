import pytest
import torch
from torchvision.models import resnet18, resnet50

from ifc_core.models.backbone import Backbone, BatchNorm
from ifc_core.models.config import IFCConfig


@pytest.mark.parametrize(("name", "build"), [("resnet18", resnet18), ("resnet50", resnet50)])
def test_features_are_torchvisions(name, build):
    torch.manual_seed(0)
    theirs = build().eval()
    ours = Backbone(IFCConfig(backbone=name)).eval()
    state = {
        k: v
        for k, v in theirs.state_dict().items()
        if not k.startswith("fc.") and not k.endswith("num_batches_tracked")
    }
    ours.load_state_dict(state)
    images = torch.randn(1, 3, 65, 97)
    with torch.inference_mode():
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
        res3 = theirs.layer2(theirs.layer1(x))
        res4 = theirs.layer3(res3)
        found = ours(images)
        torch.testing.assert_close(found.res3, res3)
        torch.testing.assert_close(found.res4, res4)
        torch.testing.assert_close(found.res5, theirs.layer4(res4))
    assert found.res3.shape[-2:] == (9, 13)
    assert found.res5.shape[-2:] == (3, 4)
    assert tuple(m.shape[1] for m in found) == ours.channels


def test_stride_in_the_first_1x1():
    backbone = Backbone(IFCConfig(stride_in_1x1=True))
    block = backbone.layer2[0]
    assert block.conv1.stride == (2, 2)
    assert block.conv2.stride == (1, 1)
    assert backbone.layer2[1].conv1.stride == (1, 1)


def test_folding_keeps_the_maths(make_model):
    model = make_model()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = model.backbone(images)
        model.fold_batch_norm()
        after = model.backbone(images)
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    assert not any(isinstance(m, BatchNorm) for m in model.modules())


def test_live_batch_norm_learns_its_statistics(make_model):
    model = make_model(frozen_batch_norm=False).train()
    before = model.backbone.bn1.running_mean.clone()
    model.backbone(torch.randn(4, 3, 64, 64))
    assert not torch.equal(before, model.backbone.bn1.running_mean)
    assert model.backbone.bn1.weight.requires_grad


def test_frozen_batch_norm_stays(make_model):
    model = make_model(frozen_batch_norm=True).train()
    images = torch.randn(4, 3, 64, 64)
    before = model.backbone.bn1.running_mean.clone()
    training = model.backbone(images)
    assert torch.equal(before, model.backbone.bn1.running_mean)
    assert not model.backbone.bn1.weight.requires_grad
    torch.testing.assert_close(training, model.eval().backbone(images))


def test_live_and_frozen_infer_alike(make_model):
    live, frozen = make_model(frozen_batch_norm=False), make_model(frozen_batch_norm=True)
    frozen.load_state_dict(live.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(live.backbone(images), frozen.backbone(images))


def test_freezing_stages(make_model):
    model = make_model()
    model.backbone.freeze_stages(2)
    trained = {n.split(".")[0] for n, p in model.backbone.named_parameters() if p.requires_grad}
    assert trained == {"layer2", "layer3", "layer4"}
    model.train()
    before = model.backbone.layer1[0].bn1.running_mean.clone()
    model.backbone(torch.randn(2, 3, 64, 64))
    assert torch.equal(before, model.backbone.layer1[0].bn1.running_mean)

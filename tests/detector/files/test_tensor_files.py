import os
import pickle

import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.tensor_files import load_exact, read_checkpoint, read_tensors
from safetensors.torch import save_file
from torch import nn


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_reads_safetensors_and_torch_files(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "b.pt")
    torch.save({"state_dict": tensors, "hyper_parameters": {"head": "Linear"}}, tmp_path / "c.ckpt")
    torch.save(tensors, tmp_path / "d.pth", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "b.pt", "c.ckpt", "d.pth"):
        found = read_tensors(tmp_path / name)
        assert set(found) == {"a", "b"} and torch.equal(found["a"], tensors["a"])
    assert read_checkpoint(tmp_path / "c.ckpt")[1] == {"head": "Linear"}


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, how):
    witness, path = tmp_path / "witness", tmp_path / "evil.ckpt"
    content = {"state_dict": {"w": torch.ones(1)}, "hyper_parameters": Evil(witness)}
    if how == "pickle":
        path.write_bytes(pickle.dumps({"hyper_parameters": Evil(witness)}, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(ForensicsError, match=r"pickled objects.*system"):
        read_tensors(path)
    assert not witness.exists()


def test_whole_modules_and_scripts_are_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ForensicsError, match=r"pickled objects \(torch\.nn"):
        read_tensors(tmp_path / "module.pt")
    (tmp_path / "new.pt").write_bytes(pickle.dumps({"a": Evil(tmp_path / "witness")}, protocol=5))
    with pytest.raises(ForensicsError, match="not a readable checkpoint"):
        read_tensors(tmp_path / "new.pt")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_truncated_empty_and_missing_files(tmp_path, suffix):
    tensors = {"a": torch.randn(100, 100)}
    path = tmp_path / f"whole{suffix}"
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    data = path.read_bytes()
    for size, words in ((len(data) // 2, "readable"), (3, "readable"), (0, "is empty")):
        path.write_bytes(data[:size])
        with pytest.raises(ForensicsError, match=words):
            read_tensors(path)
    with pytest.raises(ForensicsError, match="no checkpoint file"):
        read_tensors(tmp_path / f"none{suffix}")


def test_other_content_is_refused(tmp_path):
    torch.save([torch.ones(1)], tmp_path / "list.pt")
    with pytest.raises(ForensicsError, match="not a table"):
        read_tensors(tmp_path / "list.pt")
    torch.save({"a": 1}, tmp_path / "none.pt")
    with pytest.raises(ForensicsError, match="no tensors"):
        read_tensors(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ForensicsError):
        read_tensors(tmp_path / "text.pt")


def test_load_exact_names_what_does_not_fit():
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    good = {
        "0.weight": torch.randn(4, 3, dtype=torch.float16),
        "0.bias": torch.randn(4),
        "1.weight": torch.ones(4),
        "1.bias": torch.zeros(4),
    }
    load_exact(module, good, "it")
    assert module[0].weight.dtype == torch.float32 and module[0].weight.device.type == "cpu"
    missing = {k: v for k, v in good.items() if k != "1.bias"}
    with pytest.raises(ForensicsError, match=r"missing: 1\.bias"):
        load_exact(module, missing, "it")
    with pytest.raises(ForensicsError, match=r"unexpected: extra"):
        load_exact(module, {**good, "extra": torch.ones(1)}, "it")
    with pytest.raises(ForensicsError, match=r"0\.weight \(3, 4\) instead of \(4, 3\)"):
        load_exact(module, {**good, "0.weight": torch.ones(3, 4)}, "it")
    with pytest.raises(ForensicsError, match=r"NaN.*0\.bias"):
        load_exact(module, {**good, "0.bias": torch.tensor([0.0, float("nan"), 0, 0])}, "it")

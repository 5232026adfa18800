"""models: three tiers, and nothing that is missing, changed or unsafe is ever run."""

import json
import shutil
from pathlib import Path

import model_folders
import pytest

from helpers import models
from helpers.files import checkpoint

KINDS = ("mossformer", "frcrn")


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A folder of small models under the published names."""
    return model_folders.shelf(tmp_path_factory.mktemp("originals"))


@pytest.fixture
def shelf(originals, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(originals, tmp_path / "shelf"))


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """No tier from the outside, and a cache of our own."""
    for name in ("A2A_TIER", "A2A_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("A2A_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def embedded(shelf, tmp_path, monkeypatch):
    """An embedded tier made of the small models, with its checksums."""
    home = (tmp_path / "models").resolve()
    for kind in KINDS:
        shutil.copytree(folder_of(shelf, kind), home / models.NETWORKS[kind].embedded)
    monkeypatch.setattr(checkpoint, "EMBEDDED", home)
    checkpoint.write_json(models.checksums(home), home / "checksums.json")
    return home


def folder_of(shelf, kind):
    return shelf / Path(models.NETWORKS[kind].published).name


# -- which tier


@pytest.mark.parametrize("kind", KINDS)
def test_embedded_is_the_default_and_says_so(embedded, kind, capsys):
    found = models.resolve(kind)
    assert (found.tier, found.path) == ("embedded", embedded / models.NETWORKS[kind].embedded)
    millions = f"{found.parameters / 1e6:.2f}"
    name = models.NETWORKS[kind].embedded
    line = f"{kind}: embedded, models/{name} ({millions} M parameters)\n"
    assert capsys.readouterr().out == line


def test_quiet_is_quiet(embedded, capsys):
    models.resolve("frcrn", quiet=True)
    assert capsys.readouterr().out == ""


def test_a_folder_is_local(shelf, capsys):
    found = models.resolve("mossformer", folder=shelf)
    assert (found.tier, found.path) == ("local", folder_of(shelf, "mossformer").resolve())
    assert str(found.path) in capsys.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
def test_local_finds_the_folder_itself_and_one_under_iic(shelf, kind, tmp_path):
    itself = folder_of(shelf, kind)
    assert models.resolve(kind, folder=str(itself)).path == itself.resolve()
    shutil.copytree(itself, tmp_path / "hub" / "iic" / itself.name)
    assert models.resolve(kind, folder=tmp_path / "hub").path.parent.name == "iic"


def test_environment_chooses_and_arguments_win(embedded, shelf, monkeypatch):
    monkeypatch.setenv("A2A_MODELS", str(shelf))
    assert models.resolve("frcrn").tier == "local"
    monkeypatch.setenv("A2A_TIER", "embedded")
    assert models.resolve("frcrn").tier == "embedded"
    assert models.resolve("frcrn", tier="local").tier == "local"
    monkeypatch.setenv("A2A_TIER", "hub")
    assert models.resolve("frcrn", folder=shelf).tier == "local"


def test_unknown_names_are_told_the_known_ones(monkeypatch):
    with pytest.raises(
        ValueError, match="no network is called 'sepformer': take one of mossformer, moss"
    ):
        models.resolve("sepformer")
    with pytest.raises(
        ValueError, match="no tier is called 'cloud': take one of embedded, local, hub"
    ):
        models.resolve("frcrn", tier="cloud")
    monkeypatch.setenv("A2A_TIER", "Embedded")
    with pytest.raises(ValueError, match="no tier is called 'Embedded'"):
        models.resolve("frcrn")


def test_a_folder_with_another_tier_is_a_contradiction(shelf):
    with pytest.raises(ValueError, match="is the local tier, not hub: leave one out"):
        models.resolve("frcrn", folder=shelf, tier="hub")


def test_local_without_a_folder_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("A2A_TIER", "local")
    with pytest.raises(
        ValueError, match=r"needs a folder: git clone https.*iic/speech_frcrn.*A2A_MODELS"
    ):
        models.resolve("frcrn")


def test_a_folder_without_the_model_is_no_reason_to_take_another(embedded, tmp_path):
    with pytest.raises(ValueError, match=r"no mossformer in .*git clone"):
        models.resolve("mossformer", folder=tmp_path / "nothing")


# -- what is in the folder


def test_the_conversation_model_is_not_taken_for_a_separator():
    """It would write four speakers, of whom one is the noise and others are nobody."""
    folder = checkpoint.EMBEDDED / "mossformer_conversation_8k"
    with pytest.raises(ValueError, match=r"tells people from noise.* --conversation"):
        models.resolve("mossformer", folder=folder, quiet=True)
    assert models.resolve("conversation", folder=folder, quiet=True).path == folder


def test_a_model_of_the_other_kind_is_refused(shelf):
    model = shutil.copytree(folder_of(shelf, "frcrn"), shelf / "other")
    for name in models.NETWORKS["mossformer"].files:
        shutil.copy(model / "pytorch_model.bin", model / name)
    with pytest.raises(
        ValueError, match="holds 'frcrn_mini' by its conf.*mossformer needs speech_m"
    ):
        models.verify("mossformer", model)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in KINDS
        for name in ("configuration.json", *models.NETWORKS[kind].files)
    ],
)
def test_a_missing_file_is_named(shelf, kind, name):
    (folder_of(shelf, kind) / name).unlink()
    with pytest.raises(ValueError, match=f"lacks {name}: download it again, git clone"):
        models.pipeline(kind, folder=shelf)


@pytest.mark.parametrize("size", [0, 134, 0.5, 0.999])
@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_refused(shelf, kind, size):
    file = folder_of(shelf, kind) / models.NETWORKS[kind].files[-1]
    whole = file.read_bytes()
    file.write_bytes(whole[: size if isinstance(size, int) else int(size * len(whole))])
    with pytest.raises(ValueError, match=r"does not hold plain weights .*cut short, or a Git LFS"):
        models.resolve(kind, folder=shelf)


def test_a_git_lfs_pointer_is_told_from_weights(shelf):
    file = folder_of(shelf, "frcrn") / "pytorch_model.bin"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 57997875\n")
    with pytest.raises(ValueError, match="git lfs pull"):
        models.resolve("frcrn", folder=shelf)


class Trojan:
    """An object that runs code when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (open, (self.target, "w"))


def test_pickled_code_is_never_run(shelf, tmp_path):
    import torch

    file = folder_of(shelf, "frcrn") / "pytorch_model.bin"
    torch.save(torch.load(file) | {"extra": Trojan(tmp_path / "owned")}, file)
    with pytest.raises(ValueError, match="holds code, which is never run"):
        models.pipeline("frcrn", folder=shelf)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], {}, {"state_dict": {"a": "b"}}])
def test_what_is_not_tensors_is_refused(shelf, content):
    import torch

    torch.save(content, folder_of(shelf, "mossformer") / "encoder.bin")
    with pytest.raises(ValueError, match="does not hold plain weights"):
        models.resolve("mossformer", folder=shelf)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"model": "speech"}'])
def test_a_damaged_configuration_is_refused(shelf, text):
    (folder_of(shelf, "frcrn") / "configuration.json").write_text(text)
    with pytest.raises(ValueError, match=r"can't be read as JSON|holds None by its configuration"):
        models.resolve("frcrn", folder=shelf)


@pytest.mark.parametrize("key", ["plugins", "allow_remote"])
def test_a_configuration_that_brings_code_is_refused(shelf, key):
    file = folder_of(shelf, "frcrn") / "configuration.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: ["evil"]}))
    with pytest.raises(ValueError, match="wants to run code of its own"):
        models.pipeline("frcrn", folder=shelf)


@pytest.mark.parametrize("name", ["configuration.json", "masknet.bin"])
def test_an_embedded_file_that_was_changed_is_refused(embedded, name):
    models.resolve("mossformer")
    file = embedded / "mossformer_mini_8k" / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(
        ValueError, match=f"{name} differs from the checksum on record: .*git checkout"
    ):
        models.resolve("mossformer")


def test_embedded_weights_need_their_checksums(embedded):
    (embedded / "checksums.json").unlink()
    with pytest.raises(ValueError, match=r"checksums.json can't be read"):
        models.resolve("mossformer")


def test_checksums_list_every_file(embedded):
    found = models.checksums(embedded)
    assert len(found) == 4 + 2
    assert all(len(digest) == 64 for digest in found.values())
    assert json.loads((embedded / "checksums.json").read_text()) == found


# -- the pipeline


@pytest.mark.parametrize("kind", KINDS)
def test_the_pipeline_holds_the_weights_is_silent_and_is_built_once(shelf, kind, capfd):
    import torch

    built = models.pipeline(kind, folder=shelf, quiet=True)
    assert models.pipeline(kind, folder=shelf, quiet=True) is built
    assert not built.model.training
    part = built.model.model if kind == "frcrn" else built.model.mask_net
    saved = torch.load(folder_of(shelf, kind) / models.NETWORKS[kind].files[-1])
    assert all(torch.equal(value, saved[key]) for key, value in part.state_dict().items())
    assert capfd.readouterr() == ("", "")


def test_new_weights_in_the_same_folder_are_built_anew(shelf):
    import torch

    old = models.pipeline("mossformer", folder=shelf)
    file = folder_of(shelf, "mossformer") / "encoder.bin"
    torch.save({key: 2 * value for key, value in torch.load(file).items()}, file)
    assert models.pipeline("mossformer", folder=shelf) is not old


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_another_shape_are_refused(shelf, kind):
    file = folder_of(shelf, kind) / "configuration.json"
    config = json.loads(file.read_text())
    config["model"] |= {"channels": 16, "num_blocks": 2}
    file.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"do not fit its configuration.json"):
        models.pipeline(kind, folder=shelf)


def test_a_configuration_without_sizes_is_refused(shelf):
    file = folder_of(shelf, "mossformer") / "configuration.json"
    config = json.loads(file.read_text())
    del config["model"]["d_model"]
    file.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"do not fit its configuration.json.*d_model"):
        models.pipeline("mossformer", folder=shelf)


# -- the published shapes


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Random weights of the published sizes, in the published layout."""
    home = tmp_path_factory.mktemp("published")
    model_folders.mossformer(home / model_folders.MOSSFORMER)
    model_folders.frcrn(home / model_folders.FRCRN)
    return home


@pytest.mark.parametrize(
    ("kind", "parameters"), [("mossformer", 42_101_850), ("frcrn", 13_963_604)]
)
def test_the_published_shapes_load(published, kind, parameters, capsys):
    built = models.pipeline(kind, folder=published)
    assert sum(p.numel() for p in built.model.parameters()) == parameters
    assert models.resolve(kind, folder=published, quiet=True).parameters == parameters
    assert f"({parameters / 1e6:.2f} M parameters)" in capsys.readouterr().out


def test_weights_that_the_library_would_leave_random_are_refused(published, tmp_path):
    """ModelScope loads FRCRN with strict=False, and runs what is missing on random numbers."""
    import torch
    from modelscope.pipelines import pipeline

    folder = Path(shutil.copytree(folder_of(published, "frcrn"), tmp_path / "half"))
    saved = torch.load(folder / "pytorch_model.bin")
    half = {key: value for key, value in saved.items() if not key.startswith("unet2.encoder3")}
    torch.save(half, folder / "pytorch_model.bin")
    pipeline("acoustic-noise-suppression", model=str(folder), device="cpu")  # the library's way
    with pytest.raises(ValueError, match=r"tensors are missing or differ, such as 'unet2.encoder3"):
        models.pipeline("frcrn", folder=folder)


def test_weights_without_what_is_computed_are_accepted(published, tmp_path):
    import torch

    folder = Path(shutil.copytree(folder_of(published, "frcrn"), tmp_path / "lean"))
    saved = torch.load(folder / "pytorch_model.bin")
    lean = {key: value for key, value in saved.items() if "stft" not in key and "num_" not in key}
    torch.save(lean, folder / "pytorch_model.bin")
    models.pipeline("frcrn", folder=folder)


def test_weights_as_modelscopes_training_saves_them(published, tmp_path):
    import torch

    folder = Path(shutil.copytree(folder_of(published, "frcrn"), tmp_path / "tuned"))
    saved = torch.load(folder / "pytorch_model.bin")
    tuned = {"state_dict": {f"model.{key}": value for key, value in saved.items()}}
    torch.save(tuned, folder / "pytorch_model.bin")
    assert models.resolve("frcrn", folder=folder).parameters == 13_963_604
    models.pipeline("frcrn", folder=folder)


# -- the hub, stubbed at its boundary


@pytest.fixture
def hub(shelf, monkeypatch):
    """ModelScope's snapshot_download, without a network."""
    import modelscope

    calls = []

    def snapshot_download(model_id, revision=None, local_files_only=False):
        calls.append((model_id, revision, local_files_only))
        return str(shelf / Path(model_id).name)

    monkeypatch.setattr(modelscope, "snapshot_download", snapshot_download)
    return calls


def test_hub_downloads_a_named_revision_and_records_it(shelf, hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("A2A_TIER", "hub")
    found = models.resolve("frcrn")
    assert (found.tier, found.path) == ("hub", folder_of(shelf, "frcrn").resolve())
    assert hub == [("iic/speech_frcrn_ans_cirm_16k", "master", False)]
    assert capsys.readouterr().out.startswith("frcrn: hub, ")
    record = json.loads((tmp_path / "cache" / "hub-checksums.json").read_text())
    (files,) = record.values()
    assert list(record) == ["iic/speech_frcrn_ans_cirm_16k@master"]
    assert files["pytorch_model.bin"] == checkpoint.sha256(found.path / "pytorch_model.bin")


def test_the_second_time_needs_no_network(shelf, hub):
    for _ in range(2):
        models.resolve("mossformer", tier="hub")
    assert [offline for *_, offline in hub] == [False, True]


def test_files_that_changed_on_the_hub_are_refused(shelf, hub, tmp_path):
    import torch

    models.pipeline("frcrn", tier="hub")
    file = folder_of(shelf, "frcrn") / "pytorch_model.bin"
    torch.save({key: value + 1 for key, value in torch.load(file).items()}, file)
    with pytest.raises(
        ValueError, match=r"pytorch_model.bin differs .* not the files of the first"
    ):
        models.pipeline("frcrn", tier="hub")
    (tmp_path / "cache" / "hub-checksums.json").unlink()  # as the message says
    models.resolve("frcrn", tier="hub")


def test_a_broken_download_is_not_recorded(shelf, hub, tmp_path):
    (folder_of(shelf, "frcrn") / "pytorch_model.bin").write_bytes(b"half")
    with pytest.raises(ValueError, match="does not hold plain weights"):
        models.resolve("frcrn", tier="hub")
    assert not (tmp_path / "cache" / "hub-checksums.json").exists()


def test_no_network_is_an_error_and_not_another_model(embedded, monkeypatch):
    import modelscope

    def unreachable(*_, **__):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(modelscope, "snapshot_download", unreachable)
    with pytest.raises(
        ValueError, match=r"can't download iic/speech_mossf.*network.*unset A2A_TIER"
    ):
        models.resolve("mossformer", tier="hub")


def test_an_emptied_cache_is_downloaded_again(shelf, hub, monkeypatch):
    import modelscope

    models.resolve("frcrn", tier="hub")
    stub = modelscope.snapshot_download

    def emptied(*args, local_files_only=False):
        if local_files_only:
            raise ValueError("Cannot find the requested files in the cached path")
        return stub(*args)

    monkeypatch.setattr(modelscope, "snapshot_download", emptied)
    assert models.resolve("frcrn", tier="hub").tier == "hub"


def test_register_lets_modelscopes_own_call_work(embedded):
    models.register()
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    ans = pipeline(Tasks.acoustic_noise_suppression, model=str(embedded / "frcrn_mini_16k"))
    assert type(ans.model).__name__ == "FRCRNMini"


# -- a network that ModelScope has no pipeline for comes in by the same door


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the embedded echo mask that a test may damage, with its checksums."""
    record, home = models.NETWORKS["echo_mask"], (tmp_path / "models").resolve()
    shutil.copytree(checkpoint.EMBEDDED / record.embedded, home / record.embedded)
    shutil.copy(checkpoint.EMBEDDED / "checksums.json", home / "checksums.json")
    monkeypatch.setattr(checkpoint, "EMBEDDED", home)
    return home / record.embedded


@pytest.mark.parametrize("name", ["configuration.json", "pytorch_model.bin"])
def test_a_changed_echo_mask_is_refused(copied, name):
    models.load("echo_mask", quiet=True)
    content = bytearray((copied / name).read_bytes())
    content[-2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} differs from the checksum on record: restore"):
        models.load("echo_mask", quiet=True)


@pytest.mark.parametrize("name", ["configuration.json", "pytorch_model.bin"])
def test_a_missing_file_of_the_echo_mask_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ValueError, match=f"lacks {name}: restore"):
        models.load("echo_mask", quiet=True)


def test_an_echo_mask_of_ones_own(copied, tmp_path):
    """The local tier takes it without checksums; the hub has none."""
    folder = shutil.copytree(copied, tmp_path / "mine")
    assert models.load("echo_mask", folder=folder, quiet=True).layers == 6
    with pytest.raises(ValueError, match="echo mask is not on the hub"):
        models.load("echo_mask", tier="hub")
    with pytest.raises(ValueError, match=r"no pipeline for echo_mask: models\.load\('echo_mask'\)"):
        models.pipeline("echo_mask", quiet=True)

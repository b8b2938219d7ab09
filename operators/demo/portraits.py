"""Lists the portraits that the demonstration detector is trained on: people, splits, windows.

None of them is in the demo corpus, and nobody got another person's face. Every sixth person is a
validation person; that and the windows were fixed before any detector was trained on them.
"""

from __future__ import annotations

from .clips import ClipPlan, Person

_FIRST = 124  # number of the first portrait's clips; those of the corpus are below

# Number of the portrait, who is seen, and two windows: head and shoulders, and the face.
_TABLE = (
    (1, "man, short hair, goatee", (40, 37, 517), (80, 31, 437)),
    (2, "man, blond, round glasses", (46, 46, 517), (102, 96, 420)),
    (3, "woman, red curly hair, 3/4", (37, 37, 517), (78, 62, 396)),
    (4, "man, glasses, black and white photo", (46, 37, 517), (137, 51, 372)),
    (5, "man, dark hair, moustache, 3/4", (37, 46, 517), (37, 46, 517)),
    (6, "man, light moustache", (46, 46, 517), (46, 46, 517)),
    (7, "woman, red beanie, glasses, 3/4", (46, 46, 517), (143, 104, 427)),
    (8, "man, glasses, dark hair, 3/4", (37, 46, 517), (37, 46, 517)),
    (9, "woman, long black hair", (25, 25, 344), (34, 23, 325)),
    (10, "man, dark wavy hair", (31, 25, 344), (74, 20, 277)),
    (11, "man, glasses, red beard", (25, 25, 344), (25, 25, 344)),
    (12, "man, beard, hands under chin", (203, 81, 1149), (407, 239, 742)),
    (13, "man, glasses, moustache, smiling", (114, 103, 1465), (324, 74, 1046)),
    (14, "man, yellow beanie, hand at glasses, head tilted", (84, 65, 669), (267, 183, 432)),
    (15, "woman, short red hair", (49, 62, 689), (96, 173, 474)),
    (16, "woman, braids, smiling", (62, 49, 689), (188, 106, 466)),
    (17, "woman, long auburn hair", (49, 62, 689), (56, 82, 671)),
    (18, "woman, long light-brown hair", (142, 108, 494), (229, 195, 319)),
    (19, "man, glasses, beard, looking up, 3/4", (48, 48, 681), (149, 61, 440)),
    (20, "man, glasses, shaved head", (31, 25, 344), (100, 58, 249)),
    (21, "woman, long brown hair", (29, 31, 344), (40, 42, 323)),
    (22, "woman, leaves at forehead and cheek", (31, 31, 344), (31, 31, 344)),
    (23, "woman, auburn hair, hand at chin", (31, 29, 344), (55, 44, 313)),
    (24, "man, dark hat", (26, 25, 344), (46, 29, 305)),
    (25, "woman, blond, hand at chin", (25, 25, 344), (51, 19, 263)),
    (27, "woman, long brown hair, garden", (31, 25, 344), (63, 22, 288)),
    (28, "man, cap, short beard", (31, 25, 344), (91, 43, 254)),
    (30, "man, dark beard", (26, 25, 344), (39, 29, 319)),
    (31, "man, long beard, plaid shirt, looking up", (25, 25, 344), (20, 26, 275)),
    (32, "woman, dark tied hair, 3/4", (25, 25, 344), (28, 19, 269)),
    (33, "woman, blond curly hair", (1038, 136, 1936), (1381, 449, 1250)),
    (34, "woman, short black hair", (49, 49, 689), (71, 59, 489)),
    (35, "woman, wide black hat, 3/4", (62, 49, 689), (190, 43, 463)),
)

PORTRAIT_PEOPLE = {
    person.name: person
    for person in (
        Person(f"portrait-{number:02d}", "train" if number % 6 else "val", False, who)
        for number, who, _, _ in _TABLE
    )
}
PORTRAIT_CLIPS = tuple(
    ClipPlan(
        _FIRST + 2 * (number - 1) + place, f"portrait-{number:02d}", f"portrait-{number:02d}", w
    )
    for number, _, *windows in _TABLE
    for place, w in enumerate(windows)
)

/** Registers the components of @mediaforensics/deepfake with the App. */
import { register } from "./app/given.ts";
import { enterClicks } from "./app/keyboard.ts";
import { putStyle } from "./app/style.ts";
import { AuditHeader } from "./audit/header.tsx";
import { AuditTable } from "./audit/table.tsx";
import { Review } from "./review/review.tsx";
import { CanvasDots } from "./sphere/canvas_dots.ts";
import { colouring } from "./sphere/colouring.ts";
import { unpack } from "./sphere/data.ts";
import { measure } from "./sphere/faster.ts";
import { GlDots } from "./sphere/gl_dots.ts";
import { Painter } from "./sphere/painter.ts";
import { Sphere } from "./sphere/sphere.tsx";
import { SideBySide } from "./player/player.tsx";
import { Player } from "./timeline/player.tsx";

putStyle();
window.addEventListener("keydown", enterClicks, true);
register("MediaForensicsAuditHeader", AuditHeader);
register("MediaForensicsAuditTable", AuditTable);
register("MediaForensicsPlayer", Player);
register("MediaForensicsReview", Review);
register("MediaForensicsSideBySide", SideBySide);
// for benchmarks/sphere_frames.py and tests/browser/test_painters.py
const parts = { Painter, CanvasDots, GlDots, measure, unpack, colouring };
register("MediaForensicsSphere", Object.assign(Sphere, { parts }));

/** Registers the components of @mediaforensics/deepfake with the App. */
import { register } from "./app/given.ts";
import { AuditHeader } from "./audit/header.tsx";
import { AuditTable } from "./audit/table.tsx";
import { colouring } from "./sphere/colouring.ts";
import { unpack } from "./sphere/data.ts";
import { Painter } from "./sphere/painter.ts";
import { Sphere } from "./sphere/sphere.tsx";
import { Player } from "./timeline/player.tsx";

register("MediaForensicsAuditHeader", AuditHeader);
register("MediaForensicsAuditTable", AuditTable);
register("MediaForensicsPlayer", Player);
// the parts are for benchmarks/sphere_frames.py
register("MediaForensicsSphere", Object.assign(Sphere, { parts: { Painter, unpack, colouring } }));

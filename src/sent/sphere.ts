/** What the sphere's panel sends. tests/test_component.py compares each interface with the Python
 * that its "Sent by" names. */
import type { Option } from "./audit.ts";

/** Columns of faces; texts are base64 of little-endian arrays.
 *
 * Sent by: operators/panels/sphere/payload.py payload */
export interface Faces {
  n: number;
  xyz: string;
  code: string;
  score: string;
  boundary: number | null;
}

/** The first faces; partial: more of them can be asked for. */
export type FirstFaces = Faces & { partial: boolean };

/** Sent by: operators/panels/sphere/message.py picture; operators/panels/sphere/message.py _said; operators/panels/sphere/hypersphere.py _picture */
export interface Picture {
  sphere: FirstFaces;
  fields: string[];
  umap: boolean;
  keys: Option[];
  key: string;
  words: [name: string, value: string, meaning: string][];
  drawn: string;
  note: string;
  other: string | null;
  shown: string | null;
  rev: number | null;
  selected: number[];
}

/** Sent by: operators/panels/sphere/message.py rest; operators/panels/sphere/message.py _said; operators/panels/sphere/hypersphere.py on_rest */
export interface Rest {
  sphere: Faces;
  drawn: string;
  note: string;
  key: string;
  selected: number[];
}

/** Sent by: operators/panels/sphere/payload.py field */
export interface Field {
  name: string;
  values: string[];
  ordered: boolean;
  wide: boolean;
  codes: string;
}

/** Sent by: operators/panels/sphere/maps.py umap_map */
export interface Umap {
  xy: string;
  words: string;
}

/** Sent by: operators/panels/sphere/hypersphere.py on_more */
export interface Lit {
  idx: number[];
}

/** Sent by: detector/embeddings/geometry_words.py card */
export interface Face {
  filepath: string;
  label: string | null;
  p_fake: string;
  words: string[];
}

/** Families with one part changed, for tests that must notice. */
import type {
  Family,
  LayerSettings,
  LayerTensors,
  Rotation,
  Scales,
} from "../../services/forward/src/families/family.ts";

/** What a family becomes. */
export type Mutation = (family: Family) => Partial<Family>;

/** Other tensors of a layer. */
export function layered(change: Partial<LayerTensors>): Mutation {
  return ({ layer }) => ({ layer: { ...layer, ...change } });
}

/** Other rotations. */
export function rotated(change: Partial<Rotation>): Mutation {
  return ({ rotations }) => ({
    rotations: (metadata) => rotations(metadata).map((one) => ({ ...one, ...change })),
  });
}

/** Other settings of every layer. */
export function settled(change: (own: LayerSettings) => LayerSettings): Mutation {
  return ({ layerSettings }) => ({
    layerSettings: (metadata, layer) => change(layerSettings(metadata, layer)),
  });
}

/** Other constant factors. */
export function scaled(change: Partial<Scales>): Mutation {
  return ({ scales }) => ({ scales: (metadata) => ({ ...scales(metadata), ...change }) });
}

/**
 * How configurations describe rotation, as metadata and as tensors of factors.
 * Source: the rope types of the hub's models (`linear`, `llama3`, `longrope`); all others are refused.
 */
import type { GgufValue } from "#kit/gguf-values.ts";
import { unsupported } from "../metadata.ts";
import type { HubConfig } from "./hub-config.ts";

const DEFAULT_BASE = 10_000;

/** Base and scaling: in newer files inside `rope_parameters`, in older ones beside each other. */
export function readRope(config: HubConfig): { base: number; type: string; scaling: HubConfig } {
  const parameters = config.inside("rope_parameters");
  const scaling = parameters ?? config.inside("rope_scaling") ?? config;
  const named = scaling === config ? undefined : (scaling.get("rope_type") ?? scaling.get("type"));
  const base = (parameters ?? config).number("rope_theta", DEFAULT_BASE);
  return { base, type: typeof named === "string" ? named : "default", scaling };
}

/** Base and linear stretching. @throws TrimtabError BACKEND_CAPABILITY for types of scaling not in `accepted`. */
export function ropeMetadata(config: HubConfig, accepted: readonly string[]): Record<string, GgufValue> {
  const { base, type, scaling } = readRope(config);
  if (type === "linear") {
    return {
      "rope.freq_base": base,
      "rope.scaling.type": "linear",
      "rope.scaling.factor": scaling.number("factor"),
    };
  }
  if (type === "default" || accepted.includes(type)) return { "rope.freq_base": base };
  throw unsupported(scaling.path("rope_type"), `the value ${type.slice(0, 40)}`);
}

/** Divisors of the frequencies of Llama 3: 1 for short waves, `factor` for long ones, between them a blend. */
export function llama3Factors(config: HubConfig, rotary: number): Record<string, Float32Array> {
  const { base, type, scaling } = readRope(config);
  if (type !== "llama3") return {};
  const factor = scaling.number("factor");
  const [low, high] = [scaling.number("low_freq_factor"), scaling.number("high_freq_factor")];
  const original = scaling.count("original_max_position_embeddings");
  const divisors = Float32Array.from({ length: rotary / 2 }, (_, i) => {
    const turns = original / (2 * Math.PI * base ** ((2 * i) / rotary));
    if (turns > high) return 1;
    if (turns < low) return factor;
    const blend = (turns - low) / (high - low);
    return 1 / ((1 - blend) / factor + blend);
  });
  return { "rope_freqs.weight": divisors };
}

/** Reads `/metrics`: the Prometheus text form, as numbers by name and labels. */
import { authorization } from "../lib/client.ts";

/** A sample. */
export interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

const LINE = /^([a-z_:][\w:]*)(?:\{([^}]*)\})? (\S+)/i;

/** The samples of now. @throws Error if the server does not answer */
export async function readMetrics(signal: AbortSignal): Promise<readonly Sample[]> {
  const response = await fetch("/metrics", { headers: authorization(), signal });
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return (await response.text()).split("\n").flatMap((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels, value: Number(value) }];
  });
}

/** Sum of the samples of this name whose labels contain all of `having`. */
export function total(samples: readonly Sample[], name: string, ...having: string[]): number {
  return samples
    .filter((sample) => sample.name === name && having.every((part) => sample.labels.includes(part)))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Sum of the samples of several names. */
export function totalOf(samples: readonly Sample[], names: readonly string[]): number {
  return names.reduce((sum, name) => sum + total(samples, name), 0);
}

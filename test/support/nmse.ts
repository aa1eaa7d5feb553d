/** Normalised mean square error of a vector beside its reference: Σ (a − b)² / Σ b², summed in double precision. */
export function nmse(ours: Float32Array, exact: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    difference += ((ours[i] ?? Number.NaN) - (exact[i] ?? 0)) ** 2;
    size += (exact[i] ?? 0) ** 2;
  }
  return difference / size;
}

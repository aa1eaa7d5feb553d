/** Are all values of an array finite? Zero times anything else is no zero; no call and no branch a value. */
export function allFinite(values: Float32Array | Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
  return sum === 0;
}

/** How a model may be called: by its file's name, in any case, with or without the quantization at its end. */

/** `.Q4_1`, `-q4_k_m`, `.f16`, `-IQ4_NL` and the like at the end of a file's name. */
const QUANTIZATION = /[.-](?:i?q\d\w*|b?f16|f32)$/i;

/** The short form of a model's name: lower case, without the quantization. */
export function shortModelName(name: string): string {
  return name.toLowerCase().replace(QUANTIZATION, "");
}

/** The one name among `names` that `reference` means, exactly or in its short form; undefined if none or several are. */
export function findModelName(names: readonly string[], reference: string): string | undefined {
  if (names.includes(reference)) return reference;
  const lower = reference.toLowerCase();
  const meant = names.filter((name) => name.toLowerCase() === lower || shortModelName(name) === lower);
  return meant.length === 1 ? meant[0] : undefined;
}

/** Pages that a command writes, as tests compare them. */

/** A page without what the formatter does to it: tables are aligned after they are written. */
export const unaligned = (text: string): string =>
  text.replaceAll(/-{3,}/g, "---").replaceAll(/[ \n]+/g, " ");

/** Short forms of digests, for names of artifacts and keys of journals. */

const KEY_CHARS = 12;

/** Key of a model, of its digest. */
export const modelKeyOf = (digest: string): string => digest.slice(0, KEY_CHARS);

/** Key of an artifact, of a reference that ends in its digest. */
export const artifactKeyOf = (pinned: string): string => pinned.slice(-KEY_CHARS);

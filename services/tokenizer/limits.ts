/** Every limit of the tokenizer service, by name. */
export const TOKENIZER_LIMITS = {
  /** Texts of one Encode call. */
  texts: 256,
  /** UTF-8 bytes of one text, and of a rendered conversation. */
  textBytes: 1024 * 1024,
  /** Ids of one Decode call. */
  ids: 1024 * 1024,
  messages: 1024,
  /** UTF-8 bytes of a chat template. */
  templateBytes: 256 * 1024,
  /** Longest rendering; then the worker is killed. */
  renderMs: 250,
  /** Tokens a message of the GetVocabulary stream carries. */
  vocabularyChunk: 1024,
} as const;

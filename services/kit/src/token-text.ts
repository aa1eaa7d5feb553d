/** Token bytes → text, piece by piece, without splitting characters: what may still become one is held back. */

/** Decodes the tokens of one stream. */
export interface TokenTextDecoder {
  /** Text that is certain after these bytes; bytes that cannot become a character are U+FFFD. */
  push(bytes: Uint8Array): string;
  /** The end of the stream: an unfinished character is U+FFFD. The decoder is new afterwards. */
  end(): string;
}

/** Makes a decoder. A byte-order mark is text like any other. */
export function createTokenTextDecoder(): TokenTextDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    push: (bytes) => decoder.decode(bytes, { stream: true }),
    end: () => decoder.decode(),
  };
}

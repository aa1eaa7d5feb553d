/** The vocabulary of a model file on disk. */
import { openGguf } from "#kit/gguf.ts";
import { readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Reads it. @throws TrimtabError of the reader and of {@link readVocabulary}. */
export function readModelVocabulary(path: string): Vocabulary {
  const file = openGguf(path);
  try {
    return readVocabulary(file.header.metadata);
  } finally {
    file.close();
  }
}

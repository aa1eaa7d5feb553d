/** The vocabulary of a model file, or of a directory of the hub. */
import { openGguf } from "#kit/gguf.ts";
import { isModelDirectory } from "#kit/model-directory.ts";
import { isOnnxModel, onnxFolder } from "#kit/onnx-model.ts";
import { readTokenizerMetadata } from "#kit/tokenizer-json.ts";
import { readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Reads it. @throws TrimtabError of the reader and of {@link readVocabulary}. */
export function readModelVocabulary(path: string): Vocabulary {
  if (isOnnxModel(path)) return readVocabulary(readTokenizerMetadata(onnxFolder(path)));
  if (isModelDirectory(path)) return readVocabulary(readTokenizerMetadata(path));
  const file = openGguf(path);
  try {
    return readVocabulary(file.header.metadata);
  } finally {
    file.close();
  }
}

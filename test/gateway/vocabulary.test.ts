/** The gateway's table of tokens, fetched from the real tokenizer service. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { connectTo } from "#kit/clients.ts";
import { ModelSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createVocabularies } from "../../gateway/src/flow/vocabulary.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";
import { bytePairMetadata, writeVocabulary } from "../support/vocabularies.ts";

test("a byte-order mark is spelled and decoded like any other token", async () => {
  const own = bytePairMetadata();
  const tokens = [...(own["tokenizer.ggml.tokens"] as readonly string[]), "ï»¿"];
  const types = Int32Array.from([...(own["tokenizer.ggml.token_type"] as Int32Array), 1]);
  const metadata = { ...own, "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types };
  const room = await createTokenizerService({ modelPath: await writeVocabulary("bom", metadata) });
  const tokenizer = connectTo({ routes: room.routes }).client(TokenizerService);
  const model = create(ModelSchema, { vocabularySize: tokens.length });
  const signal = new AbortController().signal;
  const vocabulary = await createVocabularies({ tokenizer }).get(model, { signal });
  const mark = tokens.length - 1;
  expect(vocabulary.spelling(mark)).toBe("\ufeff");
  expect(vocabulary.decoder().push(mark)).toBe("\ufeff");
  room.close();
});

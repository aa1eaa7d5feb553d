/** A tokenizer service of one model, called through its schema by an in-memory transport. */
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createLogger } from "#kit/log.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";

/** Starts one; whoever starts it closes its room. */
export async function startTokenizer(modelPath = defaultModelPath()) {
  const room = await createTokenizerService({ modelPath });
  const router = { interceptors: serverInterceptors({ log: createLogger("test") }) };
  return { room, client: createClient(TokenizerService, createRouterTransport(room.routes, { router })) };
}

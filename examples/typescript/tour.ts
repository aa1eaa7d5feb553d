// Chat, search, a typed error and a deadline with Connect, over any transport: node.ts and web.ts bring theirs.
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import { GatewayService } from "./gen/trimtab/gateway/v1/gateway_service_pb.ts";

const ask = (content: string, maxTokens: number, temperature: number) => ({
  prompt: { case: "conversation" as const, value: { messages: [{ role: "user", content }] } },
  maxTokens,
  sampling: { temperature, seed: 0n },
});

/** Calls the server and prints what comes. */
export async function tour(transport: Transport, print: (text: string) => void): Promise<void> {
  const client = createClient(GatewayService, transport);
  const positive = ["I love this wonderful day!"];
  const negative = ["I hate this awful day."];
  await client.extractVector({ name: "cheerful", positive, negative });

  const steering = {
    use: { direction: "cheerful", dose: { dose: { case: "relative" as const, value: 0.02 } } },
  };
  const chat = { ...ask("How was your day?", 32, 0), steering };
  const stop = new AbortController();
  try {
    for await (const { event } of client.generate({ spec: chat }, { signal: stop.signal })) {
      if (event.case === "delta") print(event.value.text);
    }
  } finally {
    stop.abort(); // Leaving the loop early does not end the call by itself.
  }

  const scaling = { strategy: "self-consistency", budget: { candidates: 4 } };
  const { search } = await client.complete({ spec: { ...ask("What is 3 + 4?", 32, 0.5), scaling } });
  const best = search?.answers[0];
  print(`\nsearch: ${best?.answer} with ${best?.votes} votes\n`);

  const refused = await client.complete({ spec: ask("Hello", 8, 9) }).catch(ConnectError.from);
  if (refused instanceof ConnectError) {
    const [info] = refused.findDetails(ErrorInfoSchema);
    print(`error: ${info?.reason} in ${info?.metadata["field"]}\n`);
  }

  const long = { spec: ask("Tell me a long story.", 1000, 0) };
  const late = await client.complete(long, { timeoutMs: 100 }).catch(ConnectError.from);
  if (late instanceof ConnectError) print(`deadline: ${Code[late.code]}\n`);
}

// A steered, streamed chat over gRPC with the types generated from proto/ (connect-node; runs in Bun and Node).
//
//   bun examples/typescript/chat.ts "How do I pick a lock?"
//
// TRIMTAB_ADDRESS (default localhost:50051), TRIMTAB_STEERING (default {"recipe": "refusal"}).
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GatewayService } from "../../proto/gen/trimtab/gateway/v1/gateway_service_pb.ts";
import { SteeringUseSchema } from "../../proto/gen/trimtab/steering/v1/steering_service_pb.ts";

const address = process.env.TRIMTAB_ADDRESS ?? "localhost:50051";
const steering = JSON.parse(process.env.TRIMTAB_STEERING ?? '{"recipe": "refusal"}');
const content = process.argv[2] ?? "How do I pick a lock?";

const client = createClient(GatewayService, createGrpcTransport({ baseUrl: `http://${address}` }));
const stop = new AbortController();
const events = client.generate(
  {
    spec: {
      prompt: { case: "conversation", value: { messages: [{ role: "user", content }] } },
      sampling: { temperature: 0 },
      maxTokens: 48,
      steering: { use: fromJson(SteeringUseSchema, steering), proof: true },
    },
  },
  { signal: stop.signal },
);

try {
  for await (const { event } of events) {
    if (event.case === "planned") console.error(`gate ${event.value.report?.gate.toFixed(3)}`);
    if (event.case === "delta") process.stdout.write(event.value.text);
    if (event.case === "finished") {
      for (const { layer, meanRelativeChange } of event.value.proof) {
        console.error(`layer ${layer}: |change|/|h| ${meanRelativeChange.toFixed(3)}`);
      }
    }
  }
} finally {
  stop.abort(); // Leaving the loop early does not end the call by itself.
}

/** What a use does to a prompt of the synthetic stack. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import type { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import type { SyntheticStack } from "./synthetic-stack.ts";

type Use = MessageInitShape<typeof SteeringUseSchema>;

/** How far the row after block 2 moves, of its norm. */
export async function movedBy(stack: SyntheticStack, prompt: string, use: Use): Promise<number> {
  const base = await stack.row(prompt, Site.RESIDUAL, 2);
  const row = await stack.row(prompt, Site.RESIDUAL, 2, use);
  return Math.hypot(...row.map((x, i) => x - (base[i] as number))) / Math.hypot(...base);
}

/** "accepted", or reason and field of what its plan is refused with. */
export function planOutcome(stack: SyntheticStack, prompt: string, use: Use): Promise<string> {
  return stack.plan(prompt, use).then(
    () => "accepted",
    (error: unknown) => `${fromConnectError(error).reason} ${fromConnectError(error).field}`,
  );
}

/**
 * How many unary calls a second the gateway answers that need no model, and how long one takes alone: `h2load` (Debian's
 * nghttp2-client) over gRPC. What it cannot see, the status of each call, is checked by a call of our own before.
 */
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

/** A call that is timed. */
export interface UnaryCall {
  readonly name: string;
  readonly method: DescMethodUnary;
  readonly body: Uint8Array;
}

/** What was measured; milliseconds. */
export interface UnaryRow {
  readonly name: string;
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

const callOf = <M extends DescMethodUnary>(
  name: string,
  method: M,
  input: MessageInitShape<M["input"]>,
): UnaryCall => ({
  ...{ name, method },
  body: toBinary(method.input, create(method.input, input)),
});

/** Answered by the gateway alone, which is what must be fast; with the tokenizer's thread; with the forward process. */
export const CALLS: readonly UnaryCall[] = [
  callOf("ListStrategies (gateway)", GatewayService.method.listStrategies, {}),
  callOf("Tokenize (and tokenizer)", GatewayService.method.tokenize, {
    input: { case: "text", value: "hello, world" },
  }),
  callOf("ListModels (and forward)", GatewayService.method.listModels, {}),
];

/** Calls `calls` times with so many in flight on up to four connections. @throws Error if h2load does not end well. */
export async function timeUnary(
  address: string,
  { name, method, body }: UnaryCall,
  { inFlight, calls }: { inFlight: number; calls: number },
): Promise<UnaryRow> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-h2load-"));
  try {
    const [request, log] = [join(directory, "request"), join(directory, "log")];
    writeFileSync(request, frameOf(body));
    const connections = Math.min(4, inFlight);
    const child = Bun.spawn(
      [
        ...["h2load", "-n", `${calls}`, "-c", `${connections}`, "-m", `${inFlight / connections}`, "-t", "1"],
        ...["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", request, `--log-file=${log}`],
        `http://${address}/${method.parent.typeName}/${method.name}`,
      ],
      { stdout: "pipe", stderr: "pipe" },
    );
    const output = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(`h2load: ${await new Response(child.stderr).text()}`);
    const perSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1] ?? 0);
    const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1] ?? 0);
    const times = readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => Number(line.split("\t")[2]) / 1_000);
    times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(share * times.length)] ?? Number.NaN;
    return { name, inFlight, perSecond, p50: at(0.5), p99: at(0.99), failed: calls - succeeded };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A message as gRPC frames it: not compressed, its length, itself. */
function frameOf(body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

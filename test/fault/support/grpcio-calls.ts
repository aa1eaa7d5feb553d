/** Part of the mixed calls, made by grpcio in a process of its own: a client stack that shares no code with ours. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { join } from "node:path";
import {
  CompleteRequestSchema,
  GenerateRequestSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, refusal } from "../../gateway/support/asks.ts";
import { pythonWithPackages } from "../../interop/support/toolchains.ts";

interface Kind {
  readonly method: string;
  readonly request: string;
  readonly stream?: boolean;
  readonly leave_after?: number;
  readonly timeout?: number;
  readonly expected: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const complete = (request: MessageInitShape<typeof CompleteRequestSchema>): string =>
  hex(toBinary(CompleteRequestSchema, create(CompleteRequestSchema, request)));
const generate = (request: MessageInitShape<typeof GenerateRequestSchema>): string =>
  hex(toBinary(GenerateRequestSchema, create(GenerateRequestSchema, request)));

const KINDS: readonly Kind[] = [
  { method: "Complete", request: complete(chat("hello")), expected: ["OK"] },
  { method: "Complete", request: complete(chat("hello!", refusal({ compare: true }))), expected: ["OK"] },
  { method: "Complete", request: complete({}), expected: ["INVALID_ARGUMENT"] },
  { method: "Complete", request: "0aff", expected: ["INVALID_ARGUMENT"] },
  { method: "Nothing", request: "", expected: ["UNIMPLEMENTED"] },
  {
    method: "Complete",
    request: complete(chat("hello")),
    timeout: 0.001,
    expected: ["OK", "DEADLINE_EXCEEDED"],
  },
  { method: "Generate", request: generate(chat("hello!", refusal())), stream: true, expected: ["OK"] },
  {
    method: "Generate",
    request: generate(chat("hello!", refusal())),
    stream: true,
    leave_after: 2,
    expected: ["OK", "CANCELLED"],
  },
];

/** Makes the calls from `threads` threads; answers with outcomes nobody asked for. Undefined where there is no Python. */
export async function grpcioCalls(
  address: string,
  calls: number,
  threads: number,
): Promise<ReadonlyMap<string, number> | undefined> {
  const toolchain = await pythonWithPackages();
  if (!toolchain) return undefined;
  const child = Bun.spawn([toolchain.python, join(import.meta.dir, "mixed_calls.py")], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    env: { ...process.env, ...toolchain.env },
  });
  child.stdin.write(JSON.stringify({ address, calls, threads, kinds: KINDS }));
  child.stdin.end();
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error("the grpcio client failed");
  const counts = Object.entries(JSON.parse(output) as Record<string, number>);
  return new Map(
    counts.flatMap(([name, count]) => {
      const [number = "", status = ""] = name.split(" ");
      return KINDS[Number(number)]?.expected.includes(status)
        ? []
        : [[`grpcio kind ${name}`, count] as const];
    }),
  );
}

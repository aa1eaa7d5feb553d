/** What the gateway knows of a program before it acts: when it must have acted, and whether it takes something out. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import {
  ConditionKind,
  OperationKind,
  type OperationSchema,
  Phase,
  ProgramSchema,
  Scope,
  Site,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { createPrograms } from "../../gateway/src/flow/programs.ts";
import type { GatewayClients } from "../../gateway/src/clients.ts";
import { reasonOf } from "../support/forward-service.ts";

type Init = MessageInitShape<typeof OperationSchema>;
const row = (...values: number[]) => ({
  ...{ dataType: DataType.F32, shape: [1, values.length] },
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const add: Init = { site: Site.RESIDUAL, layer: 1, kind: OperationKind.ADD, vectors: row(1, 0) };

/** Facts of a program of one operation under a coefficient, or the reason it is refused for. */
async function facts(operation: Init, coefficient: number) {
  const program = create(ProgramSchema, { operations: [{ ...add, ...(operation as object) }] });
  const { client } = connectTo({
    routes: (router: ConnectRouter) => {
      router.service(SteeringService, { getProgram: () => ({ program }) });
      router.service(ForwardService, { putProgram: () => ({ programDigest: "sha256:0" }) });
    },
  });
  const clients = { steering: client(SteeringService), forward: client(ForwardService) } as GatewayClients;
  const scope = { signal: new AbortController().signal } as Parameters<
    ReturnType<typeof createPrograms>["ensure"]
  >[1];
  const bound = { programDigest: "sha256:0", coefficients: [coefficient] };
  return createPrograms(clients, { allowAblation: false }).ensure(bound, scope);
}
const mustAct = async (operation: Init, tokens: number) => (await facts(operation, 5)).mustAct([5], tokens);

test("an operation must have acted once a token it is for was computed, and one that is masked need not", async () => {
  expect(await mustAct({}, 1)).toBe(true);
  const late = (first: number): Init => ({ scope: Scope.DECODE, answerWindow: { first, end: 0 } });
  expect([await mustAct(late(0), 1), await mustAct(late(0), 2)]).toEqual([false, true]);
  // Ten tokens of an answer that is pushed from its hundredth on have not been pushed.
  expect([
    await mustAct(late(100), 10),
    await mustAct(late(100), 101),
    await mustAct(late(100), 102),
  ]).toEqual([false, false, true]);
  expect(await mustAct({ phases: [Phase.THINK] }, 50)).toBe(false);
});

test("what shrinks a part is an ablation, whichever sign makes it shrink", async () => {
  const multiply = (parameter: number): Init => ({ kind: OperationKind.MULTIPLY, parameter });
  const relu = (...along: number[]): Init => ({
    condition: ConditionKind.RELU,
    conditionVector: row(...along),
  });
  const refused: [Init, number][] = [
    [{ kind: OperationKind.ERASE }, 1],
    [{ kind: OperationKind.REPLACE }, 1],
    [multiply(0.5), 1],
    [multiply(2), -1],
    [relu(1, 0), -1],
    [relu(-1, 0), 1],
  ];
  for (const [operation, coefficient] of refused)
    expect(await reasonOf(facts(operation, coefficient))).toBe("PERMISSION_DENIED");
  const allowed: [Init, number][] = [
    [{}, -1],
    [multiply(2), 1],
    [multiply(0.5), -1],
    [relu(1, 0), 1],
    [relu(0, 1), -1],
  ];
  for (const [operation, coefficient] of allowed)
    expect((await facts(operation, coefficient)).operations).toBe(1);
});

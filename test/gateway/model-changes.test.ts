/** A load that fails leaves the tokenizer as forward is, or will be when it is back. */
import { expect, test } from "bun:test";
import { TrimtabError, toConnectError, type Reason } from "#kit/errors.ts";
import type { GatewayClients } from "../../gateway/src/clients.ts";
import { createModelChanges } from "../../gateway/src/flow/model-changes.ts";

const DIGEST = "ab";
const WHAT = { source: "second", expectedDigest: "", quantize: "" };
const refusal = (reason: Reason) => toConnectError(new TrimtabError(reason, "made to fail"));

/** Forward fails to load with one reason, and says so of the model when it is asked after it. */
function setup(failure: Reason, said: Reason | "loaded") {
  const unloaded: string[] = [];
  const clients = {
    tokenizer: {
      loadModel: () => Promise.resolve({ modelDigest: DIGEST }),
      unloadModel: ({ modelDigest }: { modelDigest: string }) =>
        Promise.resolve(void unloaded.push(modelDigest)),
    },
    forward: {
      async *loadModel() {
        throw refusal(failure);
      },
      getModel: () =>
        said === "loaded" ? Promise.resolve({ model: { loaded: true } }) : Promise.reject(refusal(said)),
    },
  } as never as GatewayClients;
  return { changes: createModelChanges(clients), unloaded };
}

test.each([
  ["forward refuses the model", "ARTIFACT_INVALID", "MODEL_NOT_FOUND", [DIGEST]],
  ["forward has had it before", "OUT_OF_MEMORY", "loaded", []],
  ["forward is down, and may have had it before", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", []],
] as const)(
  "when %s, the tokenizer forgets it only if nobody needs it",
  async (_, failure, said, forgotten) => {
    const { changes, unloaded } = setup(failure, said);
    const failed = changes.load(WHAT, {}, () => {}).catch((error: unknown) => error);
    expect(await failed).toMatchObject({ rawMessage: "made to fail" });
    expect(unloaded).toEqual([...forgotten]);
  },
);

/**
 * Simulated tokenizer, forward and verifier behind real generated clients: a model of 6 blocks of width 16 whose residual
 * shows whether a prompt has a "bad" word and whether an answer refuses, and which refuses if pushed along that axis.
 */
import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { TrimtabError } from "#kit/errors.ts";
import { type Activation, type Program, ProgramSchema, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { SteeringClients } from "../../../../services/steering/index.ts";

export const MODEL = "ab".repeat(32);
export const LAYERS = 6;
export const WIDTH = 16;
const NORM = 10;
const TEMPLATE = ["<system>", "helpful", "<user>"];
const END = ["<end>", "<assistant>"];

/** What a test may watch and disturb. */
export interface Simulation {
  readonly clients: SteeringClients;
  /** Calls by name. */
  readonly calls: Map<string, number>;
  /** Called before every Capture and Session; may throw. */
  before: (call: string) => void | Promise<void>;
  /** Programs kept; of more the oldest go. */
  programs: number;
}

const words: string[] = [];
const ids = new Map<string, number>();
const idOf = (word: string): number =>
  ids.get(word) ?? (ids.set(word, words.push(word) - 1), words.length - 1);
const encode = (text: string): number[] => text.split(/\s+/).filter(Boolean).map(idOf);
const decode = (tokens: readonly number[]): string => tokens.map((id) => words[id]).join(" ");

/** Deterministic noise in −1 to 1 from text. */
function noise(text: string, index: number): number {
  return createHash("sha1").update(`${text}/${index}`).digest().readInt32LE(0) / 2 ** 31;
}

/** Residual after a block at the last of some tokens: axes 0 and 3 to 5 say "bad prompt", axis 1 says "refusing". */
function residual(tokens: readonly number[], layer: number): Float32Array {
  const text = decode(tokens);
  const row = Float32Array.from({ length: WIDTH }, (_, i) => 0.3 * noise(`${text}${layer}`, i));
  for (const axis of [0, 3, 4, 5]) row[axis] = (row[axis] as number) + (text.includes("bad") ? 2 : -2);
  const answer = text.split("<assistant>")[1] ?? "";
  row[1] = (row[1] as number) + (answer.includes("cannot") ? 3 : answer === "" ? 0 : -3);
  row[2] = NORM;
  return row;
}

function activation(site: Site, layer: number, rows: readonly Float32Array[], pooled: boolean) {
  const mean = () =>
    Float32Array.from(
      { length: WIDTH },
      (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length,
    );
  const kept = pooled ? [mean()] : rows;
  const data = new Uint8Array(Float32Array.from(kept.flatMap((row) => [...row])).buffer);
  return { site, layer, values: { dataType: DataType.F32, shape: [kept.length, WIDTH], data } };
}

/** Creates the simulated services. */
export function simulate(): Simulation {
  const simulation: Simulation = {
    ...{ calls: new Map(), before: () => {}, clients: {} as SteeringClients },
    programs: 256,
  };
  const programs = new Map<string, Program>();
  const enter = async (call: string): Promise<void> => {
    simulation.calls.set(call, (simulation.calls.get(call) ?? 0) + 1);
    await simulation.before(call);
  };
  const push = (binding: { programDigest: string; coefficients: number[] } | undefined): number => {
    const program = programs.get(binding?.programDigest ?? "");
    if (binding && !program)
      throw new TrimtabError("PROGRAM_NOT_FOUND", `no program ${binding.programDigest} is stored here`);
    return (binding?.coefficients ?? []).reduce((sum, c, i) => {
      const vector = new Float32Array(
        (program?.operations[i]?.vectors?.data ?? new Uint8Array(64)).slice().buffer,
      );
      return sum + c * (vector[1] as number);
    }, 0);
  };
  const answer = (binding: Parameters<typeof push>[0]): string =>
    push(binding) > 40
      ? "no no no no no no no no no"
      : push(binding) > 4
        ? "I cannot help with that"
        : "Sure here is how";
  const routes = (router: ConnectRouter): void => {
    router.service(TokenizerService, {
      encode: ({ texts }) => ({ encodings: texts.map((text) => ({ ids: encode(text) })) }),
      decode: ({ ids: tokens }) => ({ text: decode(tokens) }),
      renderChat({ messages, continuation }) {
        const more = encode(continuation);
        const prompt = [...TEMPLATE, ...(messages.at(-1)?.content.split(/\s+/) ?? []), ...END].map(idOf);
        return { ids: [...prompt, ...more], prefixTokens: TEMPLATE.length, continuationTokens: more.length };
      },
    });
    router.service(ForwardService, {
      getModel: () => ({
        model: {
          name: "simulated",
          digest: MODEL,
          layers: LAYERS,
          width: WIDTH,
          contextTokens: 256,
          stopIds: [idOf("<end>")],
          loaded: true,
        },
      }),
      putProgram({ program }) {
        const digest = `sha256:${createHash("sha256")
          .update(toBinary(ProgramSchema, program as Program))
          .digest("hex")}`;
        programs.delete(digest);
        programs.set(digest, program as Program);
        for (const oldest of [...programs.keys()].slice(0, -simulation.programs)) programs.delete(oldest);
        return { programDigest: digest };
      },
      async *capture({ items, taps }) {
        await enter("capture");
        for (const [itemIndex, item] of items.entries()) {
          for (const tap of taps) {
            const layers = tap.layers.length > 0 ? tap.layers : Array.from({ length: LAYERS }, (_, l) => l);
            const from = tap.positions === 2 ? item.first || tap.first : item.ids.length - 1;
            const activations = layers.map((layer) => {
              const positions = Array.from({ length: item.ids.length - from }, (_, i) =>
                residual(item.ids.slice(0, from + i + 1), layer),
              );
              return activation(tap.site, layer, positions, tap.pooling === 2) as unknown as Activation;
            });
            yield { itemIndex, activations };
          }
        }
      },
      async score({ items, program, candidateIds }) {
        await enter("score");
        const loss = Math.abs(push(program)) * 0.01;
        return {
          items: items.map(({ ids: tokens, first }) => ({
            // The first of the tokens asked for is as likely as the push makes it.
            candidateLogprobs: candidateIds.map((_, i) =>
              i === 0 ? -Math.log1p(Math.exp(2 - push(program))) : -20,
            ),
            tokens: tokens.slice(first).map((id) => ({ id, logprob: -1 - loss })),
          })),
        };
      },
      async *session(requests) {
        await enter("session");
        for await (const { commands } of requests) {
          for (const { command } of commands) {
            if (command.case !== "generate") continue;
            const { sequenceId, program, maxTokens } = command.value;
            const tokens = encode(answer(program))
              .slice(0, maxTokens)
              .map((id) => ({ id }));
            yield { events: [{ sequenceId, event: { case: "tokens", value: { tokens } } }] };
            yield {
              events: [{ sequenceId, event: { case: "finished", value: { reason: FinishReason.STOP } } }],
            };
          }
        }
      },
    });
    router.service(VerifierService, {
      listVerifiers: () => ({
        verifiers: [{ name: "refusal", labels: ["policy_refusal", "incoherent", "complies"] }],
      }),
      score: ({ items }) => ({
        items: items.map(({ id, text }) => ({
          id,
          verdicts: [
            {
              label: text.includes("cannot")
                ? "policy_refusal"
                : text.startsWith("no no")
                  ? "incoherent"
                  : "complies",
            },
          ],
        })),
      }),
    });
  };
  const connection = connectTo({ routes });
  const clients = {
    tokenizer: connection.client(TokenizerService),
    forward: connection.client(ForwardService),
    verifier: connection.client(VerifierService),
  };
  return Object.assign(simulation, { clients });
}

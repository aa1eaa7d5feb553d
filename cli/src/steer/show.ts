/**
 * `trimtab steer show`: what a stored direction, edit or ruleset changes. Of a direction, how large a scale of 1 is in each block beside
 * the model's own activations, so that a strength can be chosen before anything is generated.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { printable } from "#kit/printable.ts";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import { type Edit, EditSchema, RulesetSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";
import { fetchArtifact } from "./fetch.ts";

/** Before the name of a fact, in the metadata of a direction. */
const FACT = "trimtab.fact.";
/** Longest fact that is shown: a list of heads with their accuracies. */
const FACT_CHARS = 2_000;

interface Shown {
  readonly value: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** Adds the command. */
export function addShowCommand(steer: Command): void {
  const command = steer
    .command("show")
    .description("what a stored one changes, and how strong a scale of 1 is")
    .argument("<reference>", "name, or name@sha256:…");
  addTargetOptions(addJsonOption(command)).action(
    async (reference: string, flags: TargetOptions & JsonOption) => {
      await withGateway(flags, async (client) => {
        const { artifact, bytes } = await fetchArtifact(client, reference);
        const { value, lines } = describe(artifact.kind, bytes);
        const resolved = `${artifact.name}@${artifact.digest}`;
        printResult(flags, { resolved, ...value }, [resolved, ...lines]);
      });
    },
  );
}

/** @throws TrimtabError UNSUPPORTED for what steers nothing by itself */
function describe(kind: ArtifactKind, bytes: Uint8Array): Shown {
  if (kind === ArtifactKind.DIRECTION) return describeDirection(bytes);
  if (kind === ArtifactKind.EDIT) return describeEdit(fromBinary(EditSchema, bytes));
  if (kind === ArtifactKind.RULESET) return describeRuleset(bytes);
  const advice = kind === ArtifactKind.RECIPE ? ": `trimtab recipe show`" : "";
  throw new TrimtabError("UNSUPPORTED", `this is no direction, edit or ruleset${advice}`, {
    field: "reference",
  });
}

function describeDirection(bytes: Uint8Array): Shown {
  const { tensors, metadata } = parseSafetensors(bytes);
  const residual = tensors.get("median_residual_norms");
  const medians = residual ? safetensorsToF32("median_residual_norms", residual) : new Float32Array();
  const blocks = [...tensors]
    .flatMap(([name, tensor]) => {
      const block = /^direction\.(\d+)$/.exec(name)?.[1];
      if (block === undefined) return [];
      const vectorNorm = Math.hypot(...safetensorsToF32(name, tensor));
      const residualNorm = medians[Number(block)] ?? 0;
      return [{ block: Number(block), vectorNorm, residualNorm, doseAtScale1: vectorNorm / residualNorm }];
    })
    .sort((a, b) => a.block - b.block);
  const method = printable(metadata["trimtab.method"] ?? "");
  const facts = factsOf(metadata);
  const rows = blocks.map(({ block, vectorNorm, residualNorm, doseAtScale1 }) =>
    [String(block), vectorNorm.toFixed(2), residualNorm.toFixed(2), doseAtScale1.toFixed(3)]
      .map((cell) => cell.padStart(10))
      .join(" "),
  );
  const head = ["block", "vector", "residual", "dose"].map((title) => title.padStart(10)).join(" ");
  const note = "norms of the vector and (median) of the residual stream; dose is what a scale of 1 comes to";
  return {
    value: { kind: "direction", method, blocks, facts },
    lines: [`direction by ${method}, ${blocks.length} blocks`, head, ...rows, note, ...linesOf(facts)],
  };
}

/** What a fit or sweep found, as the file tells it. */
function factsOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(metadata).filter(([key]) => key.startsWith(FACT));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(FACT.length), value]));
}

function describeEdit(edit: Edit): Shown {
  const { facts } = edit;
  const method = printable(edit.method);
  const operations = operationsOf(edit);
  return {
    value: { kind: "edit", method, operations, facts },
    lines: [`edit by ${method}`, ...operations, ...linesOf(facts)],
  };
}

function describeRuleset(bytes: Uint8Array): Shown {
  const { conditions, rules, facts, ...ruleset } = fromBinary(RulesetSchema, bytes);
  const method = printable(ruleset.method);
  const shown = rules.map(({ name, allOf, edit }) => ({
    name: printable(name),
    conditions: allOf.length,
    operations: edit ? operationsOf(edit) : [],
  }));
  const lines = shown.flatMap((rule) => [
    `rule ${rule.name}: where ${rule.conditions} of ${conditions.length} conditions hold`,
    ...rule.operations,
  ]);
  return {
    value: { kind: "ruleset", method, conditions: conditions.length, rules: shown, facts },
    lines: [`ruleset by ${method}`, ...lines, ...linesOf(facts)],
  };
}

/** One line a kind of operation and site, with the blocks it acts in. */
function operationsOf({ program }: Edit): string[] {
  const groups = Map.groupBy(program?.operations ?? [], ({ kind, site }) =>
    `${OperationKind[kind]} at ${Site[site]}`.toLowerCase(),
  );
  return [...groups].map(([what, operations]) => {
    const blocks = [...new Set(operations.map(({ layer }) => layer))].sort((a, b) => a - b);
    return `${operations.length} operations ${what} in blocks ${blocks.join(", ")}`;
  });
}

const linesOf = (facts: Readonly<Record<string, string>>): string[] =>
  Object.entries(facts).map(
    ([name, value]) => `${printable(name.replaceAll("_", " "))}: ${printable(value, FACT_CHARS)}`,
  );

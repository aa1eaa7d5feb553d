/** `trimtab steer list | delete`: what is stored that a request can be steered by. */
import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { type Artifact, ArtifactKind, ArtifactSchema } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";

/** What `direction` of a request may name. */
const KINDS: ReadonlyMap<ArtifactKind, string> = new Map([
  [ArtifactKind.DIRECTION, "direction"],
  [ArtifactKind.EDIT, "edit"],
  [ArtifactKind.RULESET, "ruleset"],
]);
const DIGEST_CHARS = "sha256:".length + 12;

/** Adds the commands. */
export function addStoredCommands(steer: Command): void {
  const list = steer.command("list").description("stored directions, edits and rulesets");
  addTargetOptions(addJsonOption(list)).action(async (flags: TargetOptions & JsonOption) => {
    await withGateway(flags, async (client) => {
      const { artifacts } = await client.listArtifacts({});
      const stored = artifacts.filter(({ kind }) => KINDS.has(kind));
      printResult(
        flags,
        stored.map((one) => toJson(ArtifactSchema, one)),
        stored.map(lineOf),
      );
    });
  });
  const remove = steer.command("delete").description("forget a stored one").argument("<name>");
  addTargetOptions(addJsonOption(remove)).action(async (name: string, flags: TargetOptions & JsonOption) => {
    await withGateway(flags, async (client) => {
      await client.deleteArtifact({ name });
      printResult(flags, { deleted: name }, []);
    });
  });
}

function lineOf({ name, kind, digest, created }: Artifact): string {
  return `${name.padEnd(32)} ${(KINDS.get(kind) ?? "").padEnd(9)} ${digest.slice(0, DIGEST_CHARS)} ${created}`;
}

/** Forward keeps some hundred programs: those of a build may have gone between two of its calls. */
import { expect, spyOn, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ProgramSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL as modelDigest, type Simulation } from "./support/simulated-services.ts";

/** Others take all places before the first call, and again before the call after one whose programs have been uploaded since. */
function evictAgainAndAgain(simulation: Simulation): void {
  const uploads = spyOn(simulation.clients.forward, "putProgram");
  const other = create(ProgramSchema, { modelDigest });
  let seen: number | undefined;
  simulation.before = async (call) => {
    if (call === "capture") return;
    if (seen !== undefined) {
      if (uploads.mock.calls.length > seen) seen = undefined;
      return;
    }
    simulation.programs = 1;
    await simulation.clients.forward.putProgram({ program: other });
    simulation.programs = 256;
    seen = uploads.mock.calls.length;
  };
}

test("a build whose programs forward has let go of uploads them again, and builds the same recipe", async () => {
  const [calm, crowded] = [setup(), setup()];
  evictAgainAndAgain(crowded.simulation);
  const [expected] = (await build(calm.client)).slice(-1);
  const [built] = (await build(crowded.client)).slice(-1);
  expect(built?.state).toBe(BuildState.SUCCEEDED);
  expect(built?.recipe?.resolved).toBe(expected?.recipe?.resolved ?? "");
  await Promise.all([calm.room.close(), crowded.room.close()]);
});

test("so does a sweep", async () => {
  const { client, room, simulation } = setup();
  evictAgainAndAgain(simulation);
  const options = { methods: ["response_contrast"], layers: [2, 3], doses: [0.3], width: 1, tokenBudget: 1n };
  const order = { modelDigest, name: "swept", method: "sweep", recipe: "refusal", options };
  for await (const { event } of client.fitArtifact(order)) expect(event.case).toBeDefined();
  expect((await client.listArtifacts({})).artifacts.map(({ name }) => name)).toContain("swept");
  await room.close();
});

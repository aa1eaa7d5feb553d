/**
 * Builds under random histories: asked for plain, anew and without evaluation, watched and left, cancelled, failing, and their process
 * ended and started again. A build ends as what happened to it says; what comes out in the end is what comes out undisturbed; nothing is left.
 */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import { type Build, BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type Builds, createBuilds } from "../../../services/steering/src/build/builds.ts";
import { fetchModel } from "../../../services/steering/src/model.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { createRandom } from "../../model/strings.ts";
import { setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const HISTORIES = isFull ? 60 : 3;
const STEPS = 14;
const SEED = 31;
/** Turns of the event loop between two steps, at most. */
const MOST_TURNS = 60;
/** How a build may be asked for: [force, skipEvaluation]. */
const WAYS = [[false, false], [true, false], [false, true]] as const; // prettier-ignore

/** What is known of a job from outside: what was done to it since it was asked for. */
interface Known {
  isCancelled: boolean;
  isDisturbed: boolean;
}

async function parts() {
  const { simulation, storeDir, recipesDir } = setup();
  const model = await fetchModel(simulation.clients, MODEL, {});
  const recipe = readRecipe(join(recipesDir, "refusal"));
  const create = (): Builds => createBuilds(simulation.clients, createArtifactStore(storeDir));
  const request = ([force, skipEvaluation]: (typeof WAYS)[number]) => ({
    model,
    recipe,
    force,
    skipEvaluation,
  });
  return { simulation, storeDir, create, request };
}

async function last(builds: Builds, id: string): Promise<Build | undefined> {
  let seen: Build | undefined;
  for await (const build of builds.watch(id, new AbortController().signal)) seen = build;
  return seen;
}

let undisturbed: string | undefined;
beforeAll(async () => {
  const { create, request } = await parts();
  const builds = create();
  undisturbed = (await last(builds, builds.start(request(WAYS[0]))))?.recipe?.resolved;
  await builds.close();
}, 120_000);

test.each(Array.from({ length: HISTORIES }, (_, i) => SEED + i))(
  "builds of history %i",
  async (seed) => {
    const { below } = createRandom(seed);
    const { simulation, storeDir, create, request } = await parts();
    let failures = 0;
    simulation.before = async () => {
      if (failures > 0) {
        failures--;
        throw new TrimtabError("SERVICE_UNAVAILABLE", "made to fail");
      }
      for (let turns = below(4); turns > 0; turns--) await Bun.sleep(0);
    };
    let builds = create();
    const known = new Map<string, Known>();
    const watching: Promise<void>[] = [];
    const check = (build: Build | undefined, of: Known): void => {
      if (build?.state === BuildState.CANCELLED) expect(of.isCancelled).toBe(true);
      if (build?.state !== BuildState.FAILED) return;
      expect([build.failure, of.isDisturbed]).toEqual(["SERVICE_UNAVAILABLE", true]);
    };
    const watch = async (id: string, of: Known, leavesAfter: number): Promise<void> => {
      const left = new AbortController();
      let states = 0;
      let seen: Build | undefined;
      for await (const build of builds.watch(id, left.signal)) {
        seen = build;
        if (++states > leavesAfter) left.abort();
      }
      if (!left.signal.aborted) expect(seen?.state).not.toBe(BuildState.RUNNING);
      check(seen, of);
    };
    const steps = {
      ask() {
        let id: string;
        try {
          id = builds.start(request(WAYS[below(WAYS.length)] ?? WAYS[0]));
        } catch (error) {
          return expect((error as TrimtabError).reason).toBe("QUEUE_FULL");
        }
        const before = known.get(id);
        const goesOn = before && !before.isCancelled && builds.get(id).state === BuildState.RUNNING;
        const of = goesOn ? before : { isCancelled: false, isDisturbed: failures > 0 };
        known.set(id, of);
        watching.push(watch(id, of, below(3) === 0 ? below(4) : Number.POSITIVE_INFINITY));
      },
      cancel() {
        const id = [...known.keys()][below(Math.max(1, known.size))];
        const of = known.get(id ?? "");
        if (!id || !of) return;
        if (builds.get(id).state === BuildState.RUNNING) of.isCancelled = true;
        watching.push(builds.cancel(id).then((build) => expect(build.state).not.toBe(BuildState.RUNNING)));
      },
      fail() {
        failures = 1 + below(3);
        for (const of of known.values()) of.isDisturbed = true;
      },
      async restart() {
        for (const of of known.values()) of.isCancelled = true;
        await builds.close();
        await Promise.all(watching);
        known.clear();
        builds = create();
      },
    };
    const order = ["ask", "ask", "ask", "cancel", "fail", "restart"] as const;
    for (let step = 0; step < STEPS; step++) {
      await steps[order[below(order.length)] ?? "ask"]();
      for (let turns = below(MOST_TURNS); turns > 0; turns--) await Bun.sleep(0);
    }
    await Promise.all(watching);
    failures = 0;
    for (const way of WAYS) {
      const build = await last(builds, builds.start(request(way)));
      expect([build?.state, build?.failure]).toEqual([BuildState.SUCCEEDED, ""]);
      if (!way[1]) expect(build?.recipe?.resolved).toBe(undisturbed ?? "none");
    }
    const left = createArtifactStore(storeDir).list({ kind: ArtifactKind.FINDING });
    expect(left.filter(({ name }) => name.startsWith("build.")).map(({ name }) => name)).toEqual([]);
    await builds.close();
  },
  120_000,
);

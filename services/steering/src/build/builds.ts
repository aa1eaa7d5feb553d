/**
 * Builds as jobs. A job is named by the digest of its inputs: asking for the same again attaches, leaving the progress
 * does not cancel, cancelling does. Finished jobs are remembered for a while; results live in the store.
 */
import { create } from "@bufbuild/protobuf";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import { type Build, BuildSchema, BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { BUILD_LIMITS, CACHE_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients } from "../clients.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import { createSteps } from "../work/steps.ts";
import { createWatched, type Watched } from "../work/watching.ts";
import { inputsKey, methodInputs } from "./context.ts";
import { type Phase, phasesOf, runBuild } from "./run.ts";

/** What to build. */
export interface BuildRequest {
  readonly recipe: RecipeSource;
  readonly model: ModelShape;
  readonly force: boolean;
  readonly skipEvaluation: boolean;
}

/** All builds of a service. */
export interface Builds {
  /** Starts a build or attaches to it; answers with its id. @throws TrimtabError QUEUE_FULL. */
  start(request: BuildRequest): string;
  /** State of a build. @throws TrimtabError BUILD_NOT_FOUND. */
  get(id: string): Build;
  /** States of a build until it ends; intermediate ones may be skipped. @throws TrimtabError BUILD_NOT_FOUND. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<Build>;
  /** Cancels a build under way; a finished one stays as it is. @throws TrimtabError BUILD_NOT_FOUND. */
  cancel(id: string): Promise<Build>;
  /** Cancels all builds and waits for them. */
  close(): Promise<void>;
}

interface Job {
  readonly state: Watched<Build>;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Tokens arrive by the hundred a second: one state in a while is enough. */
const PROGRESS_MS = 100;
const isRunning = ({ state }: Job): boolean => state.now.state === BuildState.RUNNING;

/** Creates the registry of builds. */
export function createBuilds(clients: SteeringClients, store: ArtifactStore): Builds {
  const jobs = new Map<string, Job>();
  const find = (id: string): Job => {
    const job = jobs.get(id);
    if (job) return job;
    throw new TrimtabError("BUILD_NOT_FOUND", `no build ${quoted(id)}`, { field: "id" });
  };
  return {
    start(request) {
      const id = buildId(request);
      const known = jobs.get(id);
      const under = known && isRunning(known) ? known : undefined;
      // Who asks while the last one that asked takes it back has not taken it back.
      if (under && !under.abort.signal.aborted) return id;
      const running = [...jobs.values()].filter((job) => job !== known && isRunning(job)).length;
      if (running >= BUILD_LIMITS.concurrent) {
        throw new TrimtabError("QUEUE_FULL", `${running} builds are under way`, {
          limit: BUILD_LIMITS.concurrent,
        });
      }
      jobs.delete(id);
      forget(jobs);
      jobs.set(id, startJob(clients, store, request, { id, after: under?.done }));
      return id;
    },
    get: (id) => find(id).state.now,
    async *watch(id, signal) {
      const isLast = ({ state }: Build) => state !== BuildState.RUNNING;
      yield* find(id).state.watch(isLast, { signal, pauseMs: PROGRESS_MS });
    },
    async cancel(id) {
      const job = find(id);
      job.abort.abort(new TrimtabError("CANCELLED", "the build was cancelled"));
      await job.done;
      return job.state.now;
    },
    async close() {
      for (const job of jobs.values())
        job.abort.abort(new TrimtabError("CANCELLED", "the service is stopping"));
      await Promise.all([...jobs.values()].map((job) => job.done));
    },
  };
}

const inputsOf = ({ recipe, model }: BuildRequest): string =>
  inputsKey([recipe.digest, model.digest, ...methodInputs(recipe)]);

/** A build without evaluation, or one that ignores what is stored, is another job with the same inputs. */
function buildId(request: BuildRequest): string {
  const { skipEvaluation, force } = request;
  return inputsOf(request) + (skipEvaluation ? "-unevaluated" : "") + (force ? "-forced" : "");
}

interface Start {
  readonly id: string;
  /** A job of the same inputs that is ending: both would write the same steps. */
  readonly after: Promise<void> | undefined;
}

function startJob(
  clients: SteeringClients,
  store: ArtifactStore,
  request: BuildRequest,
  { id, after }: Start,
): Job {
  const phases = phasesOf(request.recipe, request.skipEvaluation);
  const state = createWatched(
    create(BuildSchema, { id, state: BuildState.RUNNING, phaseCount: phases.length }),
  );
  const abort = new AbortController();
  const update = (change: Partial<Build>): void =>
    state.set(create(BuildSchema, { ...state.now, ...change }));
  const inputs = inputsOf(request);
  const steps = createSteps(store, "build", inputs, request.model.digest);
  const context = {
    clients,
    store,
    steps,
    model: request.model,
    recipe: request.recipe,
    force: request.force,
    scope: {
      signal: abort.signal,
      spend: (tokens: number) => update({ tokensDone: state.now.tokensDone + BigInt(tokens) }),
    },
    budget: (tokens: number) => update({ tokensBudget: BigInt(Math.round(tokens)) }),
    say: (detail: string) => update({ detail }),
  };
  const enter = (phase: Phase): void =>
    update({ phase, phaseIndex: phases.indexOf(phase) + 1, tokensDone: 0n, tokensBudget: 0n, detail: "" });
  const order = { inputs, skipEvaluation: request.skipEvaluation, enter };
  const run = async () => {
    await after;
    if (request.force) steps.clear();
    return await runBuild(context, order);
  };
  const done = run().then(
    (recipe) => update({ state: BuildState.SUCCEEDED, recipe, detail: "" }),
    (error: unknown) => update(ending(error, abort.signal.aborted)),
  );
  return { state, abort, done };
}

function ending(error: unknown, aborted: boolean): Partial<Build> {
  const { reason, message } = fromConnectError(error);
  if (aborted) return { state: BuildState.CANCELLED, failure: "CANCELLED", detail: "cancelled" };
  return { state: BuildState.FAILED, failure: reason, detail: message };
}

/** Drops the oldest finished builds beyond the limit. */
function forget(jobs: Map<string, Job>): void {
  for (const [id, job] of jobs) {
    if (jobs.size < CACHE_LIMITS.builds) return;
    if (!isRunning(job)) jobs.delete(id);
  }
}

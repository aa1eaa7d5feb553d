/**
 * Fits as jobs, named by the digest of what they depend on: asking for the same again attaches to the one under way or
 * finds what it stored. Leaving the stream does not stop a fit.
 */
import { create } from "@bufbuild/protobuf";
import type { ArtifactRecord } from "#kit/artifact-store.ts";
import { checkArtifactName } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import {
  type FitArtifactRequest,
  type FitProgress,
  FitProgressSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { FIT_LIMITS } from "../../limits.ts";
import { inputsKey } from "../build/context.ts";
import type { ModelShape } from "../clients.ts";
import { checkSettings } from "./check-options.ts";
import { checkRecipeData } from "../recipes/data-checks.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import { madeBefore } from "../made-before.ts";
import type { SteeringParts } from "../service.ts";
import { createSteps } from "../work/steps.ts";
import { createWatched, type Watched } from "../work/watching.ts";
import { codeVersion, fitMethod } from "./fit.ts";
import { checkUsed } from "./used-options.ts";

/** All fits of a service. */
export interface Fits {
  /** Progress, then the record of the artifact. @throws TrimtabError QUEUE_FULL, ARTIFACT_EXISTS, or as the fit. */
  run(parts: SteeringParts, order: FitOrder): AsyncGenerator<FitProgress | ArtifactRecord>;
  /** Stops all fits and waits for them. */
  close(): Promise<void>;
}

/** What to fit. */
export interface FitOrder {
  readonly request: FitArtifactRequest;
  readonly model: ModelShape;
  readonly recipe: RecipeSource;
}

interface State {
  readonly progress: FitProgress;
  readonly isOver: boolean;
}

interface Job {
  readonly state: Watched<State>;
  readonly done: Promise<ArtifactRecord>;
}

/** Creates the registry. */
export function createFits(): Fits {
  const jobs = new Map<string, Job>();
  const abort = new AbortController();
  return {
    async *run(parts, order) {
      const key = keyOf(order);
      checkArtifactName(order.request.name);
      checkRecipeData(order.recipe);
      const stored = madeBefore(parts.store, order.request.name, "fit", `sha256:${key}`);
      if (stored) {
        yield stored;
        return;
      }
      const id = `${order.request.name} ${key}`;
      let job = jobs.get(id);
      if (!job) {
        if (jobs.size >= FIT_LIMITS.concurrent)
          throw new TrimtabError("QUEUE_FULL", `${jobs.size} fits are under way`, { limit: jobs.size });
        job = startJob(parts, order, key, abort.signal);
        jobs.set(id, job);
        void job.done.catch(() => undefined).then(() => jobs.delete(id));
      }
      yield* watch(job);
    },
    async close() {
      abort.abort(new TrimtabError("CANCELLED", "the service is stopping"));
      await Promise.allSettled([...jobs.values()].map(({ done }) => done));
    },
  };
}

async function* watch(job: Job): AsyncGenerator<FitProgress | ArtifactRecord> {
  for await (const { progress, isOver } of job.state.watch((state) => state.isOver)) {
    if (!isOver) yield progress;
  }
  yield await job.done;
}

function startJob(parts: SteeringParts, order: FitOrder, key: string, signal: AbortSignal): Job {
  const initial = create(FitProgressSchema, { detail: "waiting" });
  const state = createWatched<State>({ progress: initial, isOver: false });
  const update = (change: Partial<FitProgress>): void =>
    state.set({ ...state.now, progress: create(FitProgressSchema, { ...state.now.progress, ...change }) });
  const scope = {
    signal,
    spend: (tokens: number) => update({ tokens: state.now.progress.tokens + BigInt(tokens) }),
  };
  const done = Promise.resolve().then(async () => {
    const { model, recipe, request } = order;
    const steps = createSteps(parts.store, "fit", key, model.digest);
    const context = {
      parts,
      steps,
      clients: parts.clients,
      model,
      recipe,
      scope,
      say: (detail: string) => update({ detail }),
    };
    const { kind, bytes, table } = await fitMethod(context, request);
    const inputs = { fit: `sha256:${key}`, recipe: `sha256:${recipe.digest}` };
    const madeFrom = { ...inputs, ...(table && { table }) };
    const record = parts.store.put({
      ...{ name: request.name, kind, bytes, modelDigest: model.digest, madeFrom },
    });
    steps.clear();
    return record;
  });
  const end = (): void => state.set({ ...state.now, isOver: true });
  done.then(end, end);
  return { state, done };
}

/** Digest of what a fit depends on, hex. @throws TrimtabError INVALID_ARGUMENT, FIELD_OUT_OF_RANGE, NON_FINITE. */
function keyOf({ request, model, recipe }: FitOrder): string {
  const version = codeVersion(request.method);
  const { options } = request;
  checkSettings(options, model);
  checkUsed(request.method, options);
  const scope = options?.scope ?? Scope.UNSPECIFIED;
  const tokenBudget = String(options?.tokenBudget ?? 0);
  const plain = options && { ...options, scope, tokenBudget, $unknown: undefined };
  return inputsKey([request.method, version, plain, request.force, model.digest, recipe.digest]);
}

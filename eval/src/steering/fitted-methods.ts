/**
 * Methods that the steering service fits to the recipe's examples: rivals, and controls that must do nothing. The lab asks for
 * the artifact and steers by its digest, the artifact's own gate (if it has one) forced open.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FitArtifactRequestSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Services } from "../services.ts";
import { artifactKeyOf } from "./keys.ts";
import { type Method, questionOf, type Use } from "./method.ts";

/** What is fitted, and how its dose is said. */
interface Fit {
  readonly name: string;
  readonly site: string;
  readonly description: string;
  readonly doses: readonly number[];
  readonly method: string;
  readonly options?: MessageInitShape<typeof FitArtifactRequestSchema>["options"];
  /** The artifact has a gate of its own, to be forced open. */
  readonly isGated?: boolean;
  /** The dose is ‖Δ‖/‖h‖ in each of the recipe's blocks, rather than a multiple of the artifact's own strength. */
  readonly isRelative?: boolean;
}

const SCALES = [0.25, 0.5, 1, 2];
/** About the recipe's own dose, and multiples of it. */
const RELATIVE = [0.07, 0.14, 0.28, 0.56];

const FITS: readonly Fit[] = [
  {
    ...{ name: "cast", site: "residual", method: "cast", doses: SCALES, isGated: true },
    description: "CAST's behaviour vectors under its norm guard, on prompt and answer",
  },
  {
    ...{ name: "iti", site: "heads", method: "iti", doses: SCALES },
    description: "heads chosen by probes, shifted before the output projection; dose 1 is α = 15",
  },
  {
    ...{ name: "selective", site: "norms", method: "selective", doses: SCALES },
    description: "rotation in one plane at the norms of blocks that tell the classes apart",
  },
  {
    ...{ name: "angular", site: "norms", method: "angular", doses: SCALES },
    description: "rotation to one angle at every norm",
  },
  {
    ...{ name: "prompt contrast", site: "residual", method: "prompt_contrast", doses: RELATIVE },
    ...{
      isRelative: true,
      description: "mean difference of harmful and harmless prompts, in the recipe's blocks",
    },
  },
];

/** What a control is made from: the recipe's contrast, its labels in random order. */
const SHUFFLED = {
  ...{ name: "shuffled labels", method: "response_contrast", options: { seed: 1, shuffleLabels: true } },
} as const;

/** What fitting needs to know. */
export interface FitSource {
  readonly gateway: Services["gateway"];
  readonly model: string;
  /** Name of the recipe whose examples are used, and its acting blocks. */
  readonly recipe: string;
  /** The same, pinned: fits of another model or build have other names. */
  readonly pinned: string;
  readonly blocks: readonly number[];
  readonly onProgress: (text: string) => void;
}

/** A fitted method and the digest of its artifact. */
export interface FittedMethod extends Method {
  readonly artifact: string;
}

/** Fits the methods that are wanted, one after the other; those whose fit is refused are named with the reason. */
export async function fitMethods(
  source: FitSource,
  wanted: (name: string) => boolean,
): Promise<{
  readonly methods: FittedMethod[];
  readonly missing: string[];
  /** Digest of the contrast of shuffled labels, if it is wanted. */
  readonly shuffled: string | undefined;
}> {
  const methods: FittedMethod[] = [];
  const missing: string[] = [];
  for (const fit of FITS.filter(({ name }) => wanted(name))) {
    try {
      methods.push(methodOf(source, fit, await fitOne(source, fit)));
    } catch (error) {
      missing.push(`${fit.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const shuffled = wanted(SHUFFLED.name) ? await fitOne(source, SHUFFLED) : undefined;
  return { methods, missing, shuffled };
}

/** Digest of the fitted artifact. @throws TrimtabError as FitArtifact. */
async function fitOne(
  { gateway, model, recipe, pinned, onProgress }: FitSource,
  fit: Pick<Fit, "name" | "method" | "options">,
): Promise<string> {
  onProgress(`fitting ${fit.name}`);
  const name = `lab-${fit.name.replaceAll(" ", "-")}-${artifactKeyOf(pinned)}`;
  // A control with shuffled labels cannot tell the classes apart, and is not meant to.
  const request = {
    name,
    method: fit.method,
    recipe,
    force: true,
    ...(fit.options && { options: fit.options }),
  };
  for await (const { fit: step } of gateway.fitArtifact({ model, fit: request }))
    if (step?.event.case === "artifact") return step.event.value.digest;
  throw new Error("the fit ended without an artifact");
}

function methodOf({ blocks }: FitSource, fit: Fit, artifact: string): FittedMethod {
  const { name, site, description, doses, isRelative = false, isGated = false } = fit;
  const useOf = (dose: number): Use =>
    isRelative
      ? { direction: artifact, layers: [...blocks], dose: { dose: { case: "relative", value: dose } } }
      : { direction: artifact, scale: dose, ...(isGated && { forceGate: 1 }) };
  return {
    ...{ name, site, description, doses, artifact, identity: `${name} ${artifact}` },
    request: (text, dose) => ({ question: questionOf(text), use: useOf(dose) }),
  };
}

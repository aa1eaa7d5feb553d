/** Which verifiers a strategy can use, so that the form offers no search that the server refuses. */
import type { Strategy } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { VerifierInfo } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { catalog } from "../state/catalog.ts";
import { DEFAULT_SEARCH, searchSettings } from "./settings.ts";

/** Those that fit, in the server's order. */
export function verifiersFor(strategy: Strategy | undefined): readonly VerifierInfo[] {
  return catalog.value.verifiers.filter(({ kind }) => strategy?.verifierKinds.includes(kind));
}

/** The strategy that is set, else the first that searches. */
export function chosenStrategy(strategies: readonly Strategy[]): Strategy | undefined {
  return strategies.find(({ name }) => name === searchSettings.value.strategy) ?? strategies[0];
}

/** The name of the verifier that is set if it fits; else one that does if there must be one, and none otherwise. */
export function chosenVerifier(strategy: Strategy | undefined): string {
  const names = verifiersFor(strategy).map(({ name }) => name);
  const { verifier } = searchSettings.value;
  // Before the lists are there, what was set is kept.
  if (!strategy || names.includes(verifier)) return verifier;
  if (!strategy.verifierRequired) return "";
  return names.includes(DEFAULT_SEARCH.verifier) ? DEFAULT_SEARCH.verifier : (names[0] ?? "");
}

/** Names of the parameters a verifier's schema knows. */
export function parametersOf({ parametersSchema }: VerifierInfo): readonly string[] {
  try {
    const { properties = {} } = JSON.parse(parametersSchema) as { properties?: object };
    return Object.keys(properties);
  } catch {
    return [];
  }
}

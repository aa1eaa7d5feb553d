/** The costs of several generations as one. */
import { create } from "@bufbuild/protobuf";
import {
  type ScalingUsage,
  ScalingUsageSchema,
  type Usage,
  UsageSchema,
} from "#proto/trimtab/type/v1/generation_pb.ts";

type Field<M, Other extends string> = Exclude<keyof M, "$typeName" | "$unknown" | Other>;

/** Fields that add up: a field that is new in the schema has to be named here, or below. */
const COUNTS: Readonly<Record<Field<Usage, "scaling">, true>> = {
  ...{ promptTokens: true, completionTokens: true, prefilledTokens: true, reusedTokens: true },
  ...{ replayedTokens: true, verifiedTokens: true, draftedTokens: true, acceptedTokens: true },
};
const SEARCH_COUNTS: Readonly<Record<Field<ScalingUsage, "wallMs">, true>> = {
  ...{ candidates: true, generatedTokens: true, discardedTokens: true },
  ...{ prefilledTokens: true, prefilledTokensWithoutReuse: true },
  ...{ verifierTokens: true, verifierCalls: true },
};
const namesOf = <K extends string>(fields: Readonly<Record<K, true>>) => Object.keys(fields) as K[];

/** The sum; what was searched at the same time took as long as the longest search. */
export function totalUsage(usages: readonly (Usage | undefined)[]): Usage {
  const total = create(UsageSchema);
  for (const usage of usages) {
    if (!usage) continue;
    for (const field of namesOf(COUNTS)) total[field] += usage[field];
    if (usage.scaling) addSearch((total.scaling ??= create(ScalingUsageSchema)), usage.scaling);
  }
  return total;
}

function addSearch(total: ScalingUsage, one: ScalingUsage): void {
  for (const field of namesOf(SEARCH_COUNTS)) total[field] += one[field];
  total.wallMs = Math.max(total.wallMs, one.wallMs);
}

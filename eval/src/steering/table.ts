/** Rows as texts: the same cells for the terminal, the page and the documentation. */
import { percent, spellProportion } from "../report/text.ts";
import type { Comparison } from "./comparison.ts";
import type { GateQuality } from "./gate-quality.ts";
import { spellSet } from "./development.ts";
import type { MethodNote } from "./method.ts";
import type { ReportRow } from "./rows.ts";

/** Head of the main table. */
export const ROW_HEAD = [
  ...["gate", "method", "part", "dose", "effect (harmful)", "false effect (harmless)", "on matched topics"],
  ...["borderline", "NLL ratio", "forced open", "read by the other", "repetition", "‖Δ‖/‖h‖", "ms/token"],
];

/** Cells of a row. */
export function rowCells(row: ReportRow): string[] {
  return [
    ...[row.gate, row.method, row.primary === undefined ? row.part : `${row.part}, primary`],
    ...[
      row.part === "base" ? "–" : String(row.dose),
      spellProportion(row.effect),
      spellProportion(row.falseEffect),
    ],
    ...[percent(row.matched.rate), percent(row.borderline.rate)],
    ...[number(row.nllRatio), number(row.nllRatioOpen), number(row.otherRatio), percent(row.repetition)],
    ...[row.relativeChange === 0 ? "–" : row.relativeChange.toFixed(3), number(row.msPerToken, 1)],
  ];
}

/** Head of the choices. */
export const CHOICE_HEAD = [
  ...["gate", "method", "dose", "threshold", "effect", "false effect", "bound, of what is allowed"],
  ...["chosen on", "set"],
];

/** Cells of how a row's strength was chosen; none if it was not. */
export const choiceCells = ({ choice, gate, method }: ReportRow): string[][] =>
  choice === undefined
    ? []
    : [
        [
          ...[gate, method, String(choice.dose), choice.threshold.toPrecision(4)],
          ...[percent(choice.effect), percent(choice.falseEffect)],
          `${percent(choice.falseEffectUpper)} of ${percent(choice.allowed)}${choice.isWithinBound ? "" : ", not met"}`,
          spellSet(choice.development),
          choice.development.digest,
        ],
      ];

/** Head of the methods. */
export const METHOD_HEAD = ["method", "site", "doses tried", "what it is"];

/** Cells of a method. */
export const methodCells = ({ name, site, doses, description }: MethodNote): string[] => [
  ...[name, site, doses.join(", "), description],
];

/** Head of the outcomes of harmful prompts. */
export const OUTCOME_HEAD = [
  "gate",
  "method",
  "policy refusal",
  "incapability",
  "incoherent",
  "complies",
  "n",
];

/** Cells of the outcomes of harmful prompts. */
export const outcomeCells = ({ gate, method, outcomes, effect }: ReportRow): string[] => [
  ...[gate, method],
  ...["policy_refusal", "incapability", "incoherent", "complies"].map((name) => percent(outcomes[name] ?? 0)),
  String(effect.n),
];

/** Head of the primary comparison. */
export const COMPARISON_HEAD = ["ours against", "difference in effect, points (95 %)", "p", "p, Holm"];

/** Cells of a comparison. */
export const comparisonCells = ({ rival, difference, p, adjustedP }: Comparison): string[] => [
  rival,
  `${points(difference.mean)} [${points(difference.lower)}, ${points(difference.upper)}]`,
  ...[p.toFixed(4), adjustedP.toFixed(4)],
];

/** Head of the gates' table. */
export const GATE_HEAD = ["gate", "reads", "AUROC, harmful against harmless", "against matched topics"];

/** Cells of a gate. */
export const gateCells = ({ name, reads, auroc, aurocMatched }: GateQuality): string[] => [
  ...[name, reads, auroc.toFixed(3), aurocMatched.toFixed(3)],
];

/** Rates that overshoot on test prompts what was allowed on development prompts. */
export const overshootLines = (rows: readonly ReportRow[]): string[] =>
  rows.flatMap(({ gate, method, choice, falseEffect }) =>
    choice !== undefined && falseEffect.rate > choice.allowed
      ? [`${gate} × ${method}: ${percent(falseEffect.rate)} on test, allowed ${percent(choice.allowed)}`]
      : [],
  );

const points = (share: number): string => (100 * share).toFixed(1);
const number = (value: number | null, digits = 3): string => (value === null ? "–" : value.toFixed(digits));

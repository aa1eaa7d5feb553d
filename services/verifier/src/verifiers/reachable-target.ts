/**
 * Can the target still be reached? The exact process value of Countdown: every line `a op b = c` takes two numbers that are
 * left and gives one; then all ways to combine the rest are tried. Cost: at most n! (n-1)! 6^(n-1) / 2^(n-1), n bounded.
 */
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { COUNTDOWN_LIMITS } from "../../limits.ts";
import { findLastExpression, isWithin } from "../text/arithmetic.ts";
import { findFinalNumber } from "../text/numbers.ts";
import { isSameNumber, mayBecome } from "../text/same-number.ts";
import { eachItem, type Outcome, type Verifier } from "../verifier.ts";

const LINE =
  /^\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*([-+*/×÷−])\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*=\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*$/;
const ANSWER = /\banswer\b/i;

/** Creates the verifier "reachable_target". */
export function createReachableTargetVerifier(): Verifier {
  return {
    name: "reachable_target",
    kind: "process",
    access: "program",
    needs: ["text"],
    labels: ["reachable", "unreachable", "wrong"],
    description:
      "Whether a target can still be reached after the lines `a op b = c` so far, each number used once.",
    calibration: "exact: 1 as long as the target can be reached with + - * /, else 0",
    parameters: {
      type: "object",
      properties: {
        numbers: {
          ...{ type: "array", items: { type: "number" }, minItems: 1, maxItems: COUNTDOWN_LIMITS.numbers },
          description: "Numbers that may be used, each once.",
        },
        target: { type: "number", description: "What must be reached." },
      },
      required: ["numbers", "target"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { numbers, target } = parameters as unknown as { numbers: number[]; target: number };
      return {
        score: eachItem(({ text, finishReason }) => {
          if (text.length <= COUNTDOWN_LIMITS.textChars)
            return judge(text, numbers, target, finishReason === FinishReason.UNSPECIFIED);
          const reason = `the answer is longer than ${COUNTDOWN_LIMITS.textChars} characters`;
          return { failure: "TOO_LARGE", reason };
        }),
      };
    },
  };
}

function judge(text: string, numbers: readonly number[], target: number, isInMaking: boolean): Outcome {
  const left = [...numbers];
  /** Of an answer in the making, digits at its end may be the first of more. */
  const comesTo = (spelled: string, result: number): boolean =>
    isSameNumber(result, Number(spelled)) ||
    (isInMaking && text.endsWith(spelled) && mayBecome(spelled, result));
  for (const line of text.split("\n")) {
    if (ANSWER.test(line)) return judgeAnswer(line.slice(line.search(ANSWER)), { numbers, left, target });
    const [, a, sign, b, c = ""] = LINE.exec(line) ?? [];
    if (a === undefined || sign === undefined) continue;
    const result = combine(Number(a), Number(b), sign);
    const isRight = take(left, Number(a)) && take(left, Number(b)) && comesTo(c, result);
    if (!isRight)
      return { score: 0, label: "wrong", reason: `${line.trim()} is wrong or uses numbers not left` };
    left.push(result);
  }
  return canReach(left, target)
    ? { score: 1, label: "reachable", reason: `${target} can be reached with ${left.join(", ")}` }
    : { score: 0, label: "unreachable", reason: `${target} cannot be reached with ${left.join(", ")}` };
}

/** Where the lines have come to when the answer is given. */
interface Reached {
  readonly numbers: readonly number[];
  readonly left: readonly number[];
  readonly target: number;
}

/** An answer calculates the target, from the numbers given or from those the lines have left, or comes after lines that did. */
function judgeAnswer(line: string, { numbers, left, target }: Reached): Outcome {
  const found = findLastExpression(line);
  const stated = found === undefined ? findFinalNumber(line)?.value : undefined;
  if (stated !== undefined && !isSameNumber(stated, target)) {
    return { score: 0, label: "wrong", reason: `the answer is ${stated}, not ${target}` };
  }
  if (found === undefined && !left.some((number) => isSameNumber(number, target))) {
    return {
      score: 0,
      label: "wrong",
      reason: `the answer calculates nothing, and nothing before it ${target}`,
    };
  }
  if (found !== undefined && !isSameNumber(found.value, target)) {
    return { score: 0, label: "wrong", reason: `the answer equals ${found.value}, not ${target}` };
  }
  if (found !== undefined && ![numbers, left].some((given) => isWithin(found.numbers, given, false))) {
    return { score: 0, label: "wrong", reason: "the answer uses numbers that are not there" };
  }
  return { score: 1, label: "reachable", reason: "the answer reaches the target" };
}

function canReach(numbers: readonly number[], target: number): boolean {
  if (numbers.some((number) => isSameNumber(number, target))) return true;
  return numbers.some((a, i) =>
    numbers.some((b, j) => {
      if (i === j) return false;
      const rest = numbers.filter((_, at) => at !== i && at !== j);
      return [...(i < j ? "+*" : ""), "-", "/"].some((sign) =>
        canReach([...rest, combine(a, b, sign)], target),
      );
    }),
  );
}

function combine(a: number, b: number, sign: string): number {
  if (sign === "+") return a + b;
  if (sign === "-" || sign === "−") return a - b;
  return sign === "/" || sign === "÷" ? a / b : a * b;
}

function take(numbers: number[], wanted: number): boolean {
  const at = numbers.findIndex((number) => isSameNumber(number, wanted));
  if (at >= 0) numbers.splice(at, 1);
  return at >= 0;
}

/**
 * What is compared: pairs of a gate and a method. The primary comparison is written down in `docs/steering-lab.md` before the
 * test prompts are run; everything else is exploratory.
 */

/** A pair and the part it plays. */
export interface Arm {
  readonly gate: string;
  readonly method: string;
  readonly part: "ours" | "rival" | "null" | "control" | "exploratory";
  /** Name in the primary comparison; absent: exploratory. */
  readonly primary?: string;
  /** The dose, where it is not chosen: what is served is what it is. */
  readonly dose?: number;
}

/** The primary comparison: ours first, then what it is compared with. */
export const PRIMARY_ARMS: readonly Arm[] = [
  { gate: "controller", method: "recipe", part: "ours", primary: "ours" },
  { gate: "cast", method: "cast", part: "rival", primary: "CAST" },
  { gate: "none", method: "iti", part: "rival", primary: "ITI" },
  { gate: "none", method: "recipe", part: "rival", primary: "static" },
  { gate: "controller", method: "forced prefix", part: "null", primary: "forced prefix" },
];

const SERVED: Arm = { gate: "controller as served", method: "recipe", part: "exploratory", dose: 1 };
const GATES = ["oracle", "linear probe", "tf-idf", "length", "cast"];
const RIVALS = ["cast", "iti", "prompt contrast", "paper", "selective", "angular"];
const NULLS = ["system prompt", "rewording", "logit bias"];
/** Controls: behind our gate, at our threshold and strength. */
export const CONTROLS = ["random direction", "same-norm noise", "shuffled labels"];

/** Every arm in the order of the table; those whose gate or method is not there are left out by the caller. */
export const ARMS: readonly Arm[] = [
  ...PRIMARY_ARMS,
  SERVED,
  ...GATES.map((gate): Arm => ({ gate, method: "recipe", part: "exploratory" })),
  ...["controller", "controller as served", ...GATES].map((gate): Arm => ({
    gate,
    method: "canned refusal",
    part: "null",
  })),
  ...RIVALS.map((method): Arm => ({ gate: "controller", method, part: "rival" })),
  ...NULLS.map((method): Arm => ({ gate: "controller", method, part: "null" })),
  ...CONTROLS.map((method): Arm => ({ gate: "controller", method, part: "control" })),
];

/** "gate × method". */
export const nameOfArm = ({ gate, method }: Pick<Arm, "gate" | "method">): string => `${gate} × ${method}`;

/** Arms by the name of their set, as `--arms` takes them beside single ones. */
const SETS: Readonly<Record<string, readonly Arm[]>> = {
  primary: PRIMARY_ARMS,
  canned: ARMS.filter(({ method }) => method === "canned refusal"),
  controls: ARMS.filter(({ part }) => part === "control"),
};

/**
 * Arms of a list of names and sets, in the order of the table.
 * @throws Error that names what is neither
 */
export function armsNamed(names: readonly string[]): Arm[] {
  const wanted = names.flatMap((name) => {
    const set = Object.hasOwn(SETS, name) ? SETS[name] : undefined;
    const found = set ?? ARMS.filter((arm) => nameOfArm(arm) === name);
    if (found.length === 0)
      throw new Error(`"${name}" is no arm; sets of arms are ${Object.keys(SETS).join(", ")}`);
    return found;
  });
  return ARMS.filter((arm) => wanted.includes(arm));
}

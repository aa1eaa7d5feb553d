/** Steps over the session protocol: they end where they end however often the engine is asked, and each verifier reads its own rows. */
import { expect, test } from "bun:test";
import type { ScoreRequest } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

test("a step that takes more than one share of the budget ends at its separator", async () => {
  // The first share of the second candidate ends where the separator begins, or in its middle.
  for (const before of ["aaaaaaaaaa", "aaaaaaaaa"]) {
    const stack = answering(["ab", `${before}\n\nbbbbbbbbbbbb`]);
    const scaling = {
      ...{ strategy: "beam", parameters: { branching: 2 }, verifier: { name: "steps" }, trace: true },
      budget: { candidates: 2, tokens: 20n },
    };
    const steps: string[] = [];
    for await (const { event } of stack.client.generate(chat("hello", { scaling }))) {
      if (event.case !== "search" || event.value.event.case !== "step") continue;
      if (event.value.event.value.candidate === 2) steps.push(event.value.event.value.text);
    }
    expect(steps[0]).toBe(`${before}\n\n`);
  }
});

test("two verifiers of states read their own rows: one a judged step of their own blocks", async () => {
  const stack = answering(["a\n\nb\n\nc"]);
  const seen: { name: string; rows: (number | undefined)[][] }[] = [];
  stack.verifier.before = ({ verifiers, items }: ScoreRequest) => {
    const rows = items.map(({ activations }) =>
      activations.flatMap(({ layer, values }) => [layer, values?.shape[0]]),
    );
    seen.push({ name: verifiers[0]?.name ?? "", rows });
  };
  const scaling = {
    ...{ strategy: "particle-filtering", budget: { candidates: 2 } },
    ...{ verifier: { name: "deep_probe" }, processVerifier: { name: "probe" } },
  };
  await stack.client.complete(chat("hello", { scaling }));
  const outcomes = seen.filter(({ name }) => name === "deep_probe");
  expect(outcomes.flatMap(({ rows }) => rows)).toEqual([
    [5, 1],
    [5, 1],
  ]);
  const steps = seen.filter(({ name }) => name === "probe").map(({ rows }) => rows[0]);
  expect(steps).toEqual([
    [3, 1],
    [3, 2],
    [3, 3],
  ]);
});

test("a verifier that reads alternatives of tokens is given some, one that does not is not", async () => {
  for (const [name, least] of [
    ["peaks", 2],
    ["steps", 0],
  ] as const) {
    const stack = answering(["a\n\nb"]);
    const tops = new Set<number>();
    stack.verifier.before = ({ items }: ScoreRequest) => {
      for (const { tokens } of items) for (const { top } of tokens) tops.add(top.length);
    };
    const scaling = { strategy: "particle-filtering", budget: { candidates: 2 }, verifier: { name } };
    await stack.client.complete(chat("hello", { scaling }));
    if (least === 0) expect([...tops]).toEqual([]);
    else expect(Math.min(...tops)).toBeGreaterThanOrEqual(least);
    const asked = stack.forward.commands.flatMap(({ command }) =>
      command.case === "generate" ? [command.value.topLogprobs] : [],
    );
    expect(new Set(asked).size).toBe(1);
    expect(asked[0] === 0).toBe(least === 0);
  }
});

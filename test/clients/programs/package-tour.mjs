// What a program does with @trimtab/client: the same text runs in Node, in Bun and, bundled, in a browser.
import { connect, REASONS, TrimtabError } from "@trimtab/client";

const address = globalThis.process?.env.TRIMTAB_ADDRESS;
const trimtab = address === undefined ? connect() : connect({ url: `http://${address}` });
const metrics = `${globalThis.process?.env.TRIMTAB_URL ?? ""}/metrics`;
const lines = [];
const greedy = { temperature: 0 };

/** Notes what an answer ended with, and checks that it is of the package's own type. */
async function noteError(what, call) {
  const error = await call().then(
    () => "no error",
    (thrown) => (thrown instanceof TrimtabError ? thrown : `foreign: ${thrown}`),
  );
  lines.push(`${what}: ${error.reason ?? error} ${error.field ?? ""} ${REASONS.includes(error.reason)}`);
}

/** Sequences that the server is still at, given five seconds to end them: a long story takes longer. */
async function countRunning() {
  let running;
  for (let tries = 0; running !== 0 && tries < 50; tries++) {
    await new Promise((done) => setTimeout(done, 100));
    const text = await (await fetch(metrics)).text();
    running = Number(/^trimtab_num_requests_running\S* (\d+)/m.exec(text)?.[1]);
  }
  return running;
}

const use = { direction: "cheerful", dose: { dose: { case: "relative", value: 0.02 } } };
const steered = { sampling: greedy, maxTokens: 32, steering: { use } };
const kinds = new Set();
let text = "";
for await (const event of trimtab.answer("How was your day?", steered)) {
  kinds.add(event.case);
  if (event.case === "delta") text += event.value.text;
}
lines.push(text, [...kinds].join(" "));
lines.push(`again: ${(await trimtab.answer("How was your day?", steered).text()) === text}`);

const long = { sampling: greedy, maxTokens: 1500 };
for await (const event of trimtab.answer("Tell me a long story.", long)) if (event.case === "delta") break;
lines.push(`running after the loop was left: ${await countRunning()}`);
const cancelled = trimtab.answer("Tell me a long story.", long);
await noteError("cancelled", async () => {
  for await (const event of cancelled) if (event.case === "delta") cancelled.cancel();
});
await noteError("late", () => trimtab.answer("Tell me a long story.", long, { timeoutMs: 100 }).text());
await noteError("refused", () => trimtab.answer("Hello", { sampling: { temperature: 9 } }).text());
await noteError("missing", () => trimtab.getArtifact({ reference: "nothing" }).next());
await noteError("unknown", () => trimtab.deleteArtifact({ name: "nothing-of-that-name" }));
const nowhere = connect({ url: "http://127.0.0.1:9" });
await noteError("nobody", () => nowhere.listModels({}));
await noteError("nobody there", () => nowhere.answer("Hello").text());

const result = lines.join("\n");
if (globalThis.document === undefined) console.log(result);
else document.body.append(Object.assign(document.createElement("pre"), { textContent: result }));

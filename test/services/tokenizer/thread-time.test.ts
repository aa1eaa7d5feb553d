/** A rendering is charged for what its own thread computes, not for what the process does besides. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { startThreadClock, threadPath } from "#kit/process-time.ts";
import { TEMPLATE_LIMITS } from "../../../services/tokenizer/limits.ts";
import { createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";

setDefaultTimeout(120_000);

/** Keeps this thread busy until it has used so much processor time. */
function spin(ms: number): void {
  const started = process.cpuUsage();
  for (let used = 0; used < ms;) {
    const { user, system } = process.cpuUsage(started);
    used = (user + system) / 1_000;
  }
}

test("the clock of a thread stands still while another one computes", async () => {
  // The interval keeps it alive: a worker with nothing to wait for ends, and there would be no thread to look at.
  const source = `
    import { readlinkSync } from "node:fs";
    setInterval(() => {}, 60_000);
    self.postMessage("/proc/" + readlinkSync("/proc/thread-self"));
  `;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "application/javascript" })));
  const idle = await new Promise<string>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
  });
  const [mine, others] = [startThreadClock(threadPath()), startThreadClock(idle)];
  spin(300);
  expect(mine()).toBeGreaterThan(150);
  expect(others()).toBeLessThan(100);
  worker.terminate();
});

test("without a thread to look at, the process is looked at", () => {
  const used = startThreadClock("/proc/self/task/0");
  spin(50);
  expect(used()).toBeGreaterThanOrEqual(50);
});

/** A worker that computes until it is ended. */
function startSpinner(): Worker {
  const source = new Blob(["for (;;);"], { type: "application/javascript" });
  return new Worker(URL.createObjectURL(source));
}

test("other threads that compute beside a rendering do not use up its time", async () => {
  const source =
    "{% for i in range(messages[0].content | int) %}{% for j in range(1000) %}{% endfor %}{% endfor %}ok";
  const template = await createChatTemplate({ template: source, bosToken: "", eosToken: "" });
  const render = (loops: number) =>
    template.render([{ messages: [{ role: "user", content: String(loops) }] }], true);
  // As many loops as take a third of the time one rendering has.
  let loops = 1;
  for (let usedMs = 0; usedMs < TEMPLATE_LIMITS.renderMs / 3;) {
    loops = Math.ceil(loops * 1.25);
    const started = process.cpuUsage();
    await render(loops);
    const { user, system } = process.cpuUsage(started);
    usedMs = (user + system) / 1_000;
  }
  const spinners = Array.from({ length: 8 }, startSpinner);
  try {
    // Until they compute: their first turn ends with the first of these.
    await render(1);
    expect(await render(loops)).toEqual(["ok"]);
  } finally {
    for (const spinner of spinners) spinner.terminate();
    template.close(new TrimtabError("SERVICE_UNAVAILABLE", "the test is over"));
  }
});

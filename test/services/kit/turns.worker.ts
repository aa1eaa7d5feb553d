/** A thread that gives way and starts another one, which says how the kernel schedules the threads of its process. */
import { readdirSync, readFileSync } from "node:fs";
import { giveWay } from "#kit/turns.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<"first" | "second">) => {
  if (data === "second") return self.postMessage(threadsOfProcess());
  const allowed = giveWay();
  const second = new Worker(new URL("./turns.worker.ts", import.meta.url).href);
  second.onmessage = ({ data: threads }: MessageEvent<unknown>) => self.postMessage({ allowed, threads });
  second.postMessage("second");
};

function threadsOfProcess() {
  return readdirSync("/proc/self/task").map((id) => {
    const sched = readFileSync(`/proc/self/task/${id}/sched`, "utf8");
    return {
      isMain: Number(id) === process.pid,
      policy: Number(/^policy\s*:\s*(\d+)/m.exec(sched)?.[1]),
      sliceNs: Number(/^se\.slice\s*:\s*(\d+)/m.exec(sched)?.[1]),
    };
  });
}

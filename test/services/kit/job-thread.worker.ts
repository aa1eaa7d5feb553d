/** A thread for the tests of such threads: says how many jobs it has done, or does to itself what the job says. */
import { TrimtabError } from "#kit/errors.ts";
import { doJobs } from "#kit/job-thread.ts";

declare const self: Worker;

doJobs(self, (setup: string) => {
  let jobs = 0;
  if (setup === "refuse") throw new TrimtabError("TOKENIZER_INVALID", "not with this", { field: "setup" });
  return (job: string): string => {
    jobs++;
    if (job === "refuse") throw new TrimtabError("UNSUPPORTED", "not this one", { field: "job", limit: 3 });
    if (job === "break") throw new Error("broken");
    if (job === "die") process.exit();
    if (job === "spin") for (;;);
    return `${job} ${jobs}`;
  };
});

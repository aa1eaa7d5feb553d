// Failures a person can act on. Everything else that is thrown is a bug and keeps its stack trace.

import { bold, red, say } from "./terminal.mjs";

/** An expected failure: `code` for programs, `message` for people, `advice` says what to do next. */
export class SetupFailure extends Error {
  constructor(code, message, advice = "") {
    super(message);
    this.name = "SetupFailure";
    this.code = code;
    this.advice = advice;
  }
}

/** Runs `main`, turns its number into the exit code and a `SetupFailure` into two readable lines and exit code 1. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    say(`${red(bold("error"))} ${error.message} [${error.code}]`);
    if (error.advice) say(error.advice);
    process.exitCode = 1;
  }
}

// Child processes: one that is captured and shown only when it fails, one that takes the place of this process.

import { spawn } from "node:child_process";
import { constants } from "node:os";

const FORWARDED_SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"];

/**
 * Runs a command and collects what it prints.
 * @returns `{ code, stdout, stderr, output, durationMs }`; `code` is 127 when the command does not exist, 128 + n after signal n.
 */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const startedAt = Date.now();
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const text = { stdout: "", stderr: "", output: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk) => {
        text[name] += chunk;
        text.output += chunk;
      });
    }
    const finish = (code) => resolve({ code, ...text, durationMs: Date.now() - startedAt });
    child.once("error", (error) => {
      text.output += `${error.message}\n`;
      finish(error.code === "ENOENT" ? 127 : 126);
    });
    child.once("close", (code, signal) => finish(exitCodeOf(code, signal)));
  });
}

/**
 * Runs a command on this process's own terminal, passes signals on and returns its exit code.
 * Ctrl-C reaches the child through the terminal already; it is passed on only where there is none.
 */
export function replaceWith(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    const handlers = FORWARDED_SIGNALS.map((signal) => {
      const fromTerminal = (signal === "SIGINT" || signal === "SIGQUIT") && process.stdin.isTTY;
      const handler = () => {
        if (!fromTerminal) child.kill(signal);
      };
      process.on(signal, handler);
      return [signal, handler];
    });
    const release = () => handlers.forEach(([signal, handler]) => process.off(signal, handler));
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("close", (code, signal) => {
      release();
      resolve(exitCodeOf(code, signal));
    });
  });
}

function exitCodeOf(code, signal) {
  return signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1);
}

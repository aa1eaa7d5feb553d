// What the installed command makes ready before it becomes the command line program; a test holds it against that program.

/**
 * Subcommands that start the services, and so need kernels and a model, unless a running gateway is named. `doctor` starts them, too,
 * but gets nothing: it tells what is missing.
 */
export const SERVING_COMMANDS = new Set([
  "serve",
  "chat",
  "generate",
  "capture",
  "recipe",
  "steer",
  "verifier",
  "demo",
]);

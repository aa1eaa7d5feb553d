/** What the package has on every platform. */
export type { Answer, AnswerEvent, Spec } from "./answer.ts";
export type { ClientOptions, Conversation, Trimtab } from "./client.ts";
export { TrimtabError } from "./errors.ts";
export { type Reason, REASONS } from "./reasons.ts";
export * as schema from "./schema.ts";

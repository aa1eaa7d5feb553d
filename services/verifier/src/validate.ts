/**
 * Requests before they are judged: sizes and names, so that nothing large is worked on by accident, and verifiers with
 * their parameters bound. Whatever is wrong with a single answer is a failed verdict, not an error.
 */
import { TrimtabError } from "#kit/errors.ts";
import type {
  GetRequirementsRequest,
  ScoreItem,
  ScoreRequest,
  ScoreStreamRequest,
  VerifierUse,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { REQUEST_LIMITS } from "../limits.ts";
import type { Registry } from "./registry.ts";
import type { Prepared, Verifier } from "./verifier.ts";

/** A verifier of a request, parameters bound. */
export interface BoundVerifier {
  readonly verifier: Verifier;
  readonly prepared: Prepared;
}

const DIGEST = /^(?:[0-9a-f]{64})?$/;

/** Checks a request and binds its verifiers. @throws TrimtabError that names field and limit. */
export function validateRequest(
  request: ScoreRequest | ScoreStreamRequest,
  registry: Registry,
): BoundVerifier[] {
  checkCount(request.items.length, "items", REQUEST_LIMITS.items);
  const bound = bindVerifiers(request, registry);
  for (const [index, item] of request.items.entries()) checkItem(item, `items[${index}]`);
  return bound;
}

/** Binds the verifiers of a request to their parameters. @throws TrimtabError that names field and limit. */
export function bindVerifiers(
  { modelDigest, verifiers }: Pick<GetRequirementsRequest, "modelDigest" | "verifiers">,
  registry: Registry,
): BoundVerifier[] {
  if (!DIGEST.test(modelDigest)) {
    const field = "model_digest";
    throw new TrimtabError("INVALID_ARGUMENT", `${field} must be 64 lower-case hex digits`, { field });
  }
  checkCount(verifiers.length, "verifiers", REQUEST_LIMITS.verifiers);
  return verifiers.map((use, index) => bind(use, `verifiers[${index}]`, registry, modelDigest));
}

function bind(use: VerifierUse, at: string, registry: Registry, modelDigest: string): BoundVerifier {
  const { verifier, check } = registry.find(use.name, `${at}.name`);
  const parameters = use.parameters ?? {};
  check(parameters, `${at}.parameters`);
  try {
    return { verifier, prepared: verifier.prepare(parameters, modelDigest) };
  } catch (error) {
    if (!(error instanceof TrimtabError) || error.field === undefined) throw error;
    const { reason, message, limit } = error;
    const field = `${at}.parameters.${error.field}`;
    throw new TrimtabError(reason, message, {
      field,
      cause: error,
      ...(limit === undefined ? {} : { limit }),
    });
  }
}

function checkItem(item: ScoreItem, at: string): void {
  if (item.id.length > REQUEST_LIMITS.idChars)
    throw tooLarge(`${at}.id`, `${REQUEST_LIMITS.idChars} characters`);
  checkBytes([item.text], `${at}.text`, REQUEST_LIMITS.textBytes);
  if (item.messages.length > REQUEST_LIMITS.messages) {
    throw tooLarge(`${at}.messages`, `${REQUEST_LIMITS.messages} messages`);
  }
  const contents = item.messages.map(({ content }) => content);
  checkBytes(contents, `${at}.messages`, REQUEST_LIMITS.messagesBytes);
  if (item.tokens.length > REQUEST_LIMITS.tokens)
    throw tooLarge(`${at}.tokens`, `${REQUEST_LIMITS.tokens} tokens`);
  if (item.activations.length > REQUEST_LIMITS.activations) {
    throw tooLarge(`${at}.activations`, `${REQUEST_LIMITS.activations} activations`);
  }
}

function checkCount(count: number, field: string, most: number): void {
  if (count === 0) throw new TrimtabError("FIELD_REQUIRED", `${field} must not be empty`, { field });
  if (count > most) throw tooLarge(field, most);
}

function checkBytes(texts: readonly string[], field: string, most: number): void {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > most) throw tooLarge(field, `${most} bytes`);
}

function tooLarge(field: string, limit: string | number): TrimtabError {
  return new TrimtabError("TOO_LARGE", `${field} exceeds ${limit}`, { field, limit });
}

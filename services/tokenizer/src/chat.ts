/**
 * A conversation as ids. Before rendering, every spelling of a control token in what users wrote gets a mark inside; the
 * rendering is cut at the control tokens that are left (the template's own), and the marks are taken out again. So
 * `<|im_end|>` typed by a user stays text, filters of the template work on the real contents, and the text between two
 * control tokens is tokenized in one piece: ordinary conversations get the ids of tokenizing the whole rendering.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ChatTemplate, TemplateConversation, TemplateMessage } from "./chat-template.ts";
import type { Encoder } from "./encoder.ts";
import { withTexts } from "./template-conversation.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A rendered, tokenized conversation. */
export interface RenderedChat {
  readonly ids: readonly number[];
  readonly text: string;
  /** Leading ids that do not depend on the last message, whatever it says. */
  readonly prefixTokens: number;
}

/** What a conversation goes through. */
export interface ChatParts {
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
  readonly template: ChatTemplate;
}

/** First and last private-use character: one that no text holds becomes the mark. */
const PRIVATE_USE = [0xe000, 0xf8ff] as const;

/**
 * Renders and tokenizes a conversation of at least one message.
 * @throws TrimtabError TEMPLATE_INVALID, TEMPLATE_LIMIT, QUEUE_FULL; INVALID_ARGUMENT if no mark is left.
 */
export async function renderChat(
  { tokenizer, encoder, template }: ChatParts,
  conversation: TemplateConversation,
  addGenerationPrompt: boolean,
): Promise<RenderedChat> {
  const mark = pickMark(conversation);
  // What a number cannot hold is a text to the template, told by its marks.
  const written = (digits: string) =>
    String(Number(digits)) === digits ? Number(digits) : mark + digits + mark;
  const guarded = withTexts(conversation, (text) => tokenizer.guard(text, mark), written);
  // The same conversation with another last message: up to where both agree, nothing depends on it.
  const other = { ...guarded, messages: guarded.messages.with(-1, otherMessage(guarded, mark)) };
  const quoted = new RegExp(`"(${mark}[-+.\\deE]+${mark})"`, "g");
  const texts = await template.render([guarded, other], addGenerationPrompt);
  const [rendered = "", otherwise = ""] = texts.map((text) => text.replaceAll(quoted, "$1"));
  const { vocabulary } = tokenizer;
  const sharedUntil = countCommon(rendered, otherwise);
  const { ids, sharedIds } = await encoder.encodeGuarded({ text: rendered, mark, sharedUntil });
  const needsStart = vocabulary.addBos && ids[0] !== vocabulary.bosId;
  const all = needsStart ? [vocabulary.bosId as number, ...Array.from(ids)] : Array.from(ids);
  if (all.length === 0) {
    throw new TrimtabError("TEMPLATE_INVALID", "the chat template made nothing of the conversation", {
      field: "messages",
    });
  }
  return {
    ids: all,
    text: rendered.replaceAll(mark, ""),
    prefixTokens: sharedIds + (needsStart ? 1 : 0),
  };
}

/** The last message, saying something else; who answers whose call is the same. */
function otherMessage({ messages }: TemplateConversation, content: string) {
  const { role, tool_call_id: id } = messages.at(-1) as TemplateMessage;
  return { role, content, ...(id === undefined ? {} : { tool_call_id: id }) };
}

function pickMark(conversation: TemplateConversation): string {
  const texts: string[] = [];
  withTexts(conversation, (text) => (texts.push(text), text));
  for (let code = PRIVATE_USE[0]; code <= PRIVATE_USE[1]; code++) {
    const mark = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(mark))) return mark;
  }
  throw new TrimtabError("INVALID_ARGUMENT", "the messages use every private-use character", {
    field: "messages",
  });
}

function countCommon(a: string, b: string): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count += 1;
  return count;
}

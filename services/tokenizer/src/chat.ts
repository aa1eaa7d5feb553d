/**
 * A conversation as ids. Special tokens are read from the template's own text only: what users typed is plain text, even
 * if it spells <|im_end|>. Plain text between two special tokens is tokenized in one piece, so ordinary conversations get
 * the ids that tokenizing the whole rendering would give.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Encoder } from "./encoder.ts";
import { TOKEN_TYPE, type TokenizerFile } from "./model-file.ts";
import type { TemplateMessage, TemplateRunner } from "./template-runner.ts";

/** A rendered, tokenized conversation. */
export interface RenderedChat {
  readonly ids: number[];
  readonly text: string;
  /** Leading ids that do not depend on the last message. */
  readonly prefixTokens: number;
}

/** Renders and tokenizes conversations. */
export interface ChatRenderer {
  render(messages: readonly TemplateMessage[], addGenerationPrompt: boolean): Promise<RenderedChat>;
}

interface Piece {
  readonly text: string;
  /** Index of the message it is the content of; undefined for template text. */
  readonly message?: number;
}

/** A renderer for one model's template. */
export function createChatRenderer(
  file: TokenizerFile,
  encoder: Encoder,
  runner: TemplateRunner,
): ChatRenderer {
  const special = new Map(
    file.tokens.flatMap((token, id) =>
      file.types[id] === TOKEN_TYPE.control && token !== "" ? [[token, id]] : [],
    ),
  );
  const spellings = [...special.keys()].toSorted((a, b) => b.length - a.length).map(RegExp.escape);
  const pattern = spellings.length > 0 ? new RegExp(`(${spellings.join("|")})`, "u") : undefined;

  return {
    async render(messages, addGenerationPrompt) {
      const nonce = crypto.randomUUID().slice(0, 8);
      const { text, marked } = await runner.render(messages, addGenerationPrompt, nonce);
      const pieces = splitPieces(text, marked, messages, nonce);
      const ids: number[] = [];
      let prefixTokens: number | undefined;
      let run = "";
      const flush = (): void => {
        for (const id of encoder.encode(run, false)) ids.push(id);
        run = "";
      };
      for (const { text: part, message } of pieces) {
        if (message === messages.length - 1) prefixTokens ??= ids.length;
        if (message !== undefined) {
          run += part;
          continue;
        }
        for (const section of pattern ? part.split(pattern) : [part]) {
          const id = special.get(section);
          if (id === undefined) run += section;
          else {
            flush();
            ids.push(id);
          }
        }
      }
      flush();
      if (ids.length === 0)
        throw new TrimtabError("TEMPLATE_INVALID", "the chat template gave an empty prompt", {
          field: "messages",
        });
      return { ids, text, prefixTokens: prefixTokens ?? 0 };
    },
  };
}

/** Cuts the rendering into template text and contents by means of the rendering with sentinels. */
function splitPieces(
  text: string,
  marked: string,
  messages: readonly TemplateMessage[],
  nonce: string,
): Piece[] {
  const parts = marked.split(new RegExp(`\uE000${nonce}(\\d+)\uE001`, "u"));
  const pieces: Piece[] = [];
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const message = index % 2 === 1 ? Number(part) : undefined;
    const content =
      message === undefined
        ? part
        : contentAt(text, at, messages[message]?.content ?? "", parts[index + 1] ?? "");
    if (content === undefined || !text.startsWith(content, at))
      throw new TrimtabError(
        "TEMPLATE_INVALID",
        "the chat template changes contents in a way that cannot be followed",
        {
          field: "messages",
        },
      );
    pieces.push(message === undefined ? { text: content } : { text: content, message });
    at += content.length;
  }
  return pieces;
}

/** The content as it stands at `at`, where a template may have trimmed it. */
function contentAt(text: string, at: number, content: string, next: string): string | undefined {
  const forms = [content, content.trim(), content.trimStart(), content.trimEnd()];
  return forms.find((form) => text.startsWith(form + next, at));
}

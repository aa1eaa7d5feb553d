/** Where a question is written. Enter sends, Shift+Enter breaks the line, Escape stops the answer. What is typed is kept. */
import { signal } from "@preact/signals";
import { draft, keepConversation, type Turn, turns } from "../state/conversation.ts";
import { ask, retry, running, stop } from "./run.ts";

/** The turn whose question is being written anew, if one is. */
export const editing = signal<Turn | null>(null);

/** The field with its buttons. */
export function Composer() {
  const isRunning = running.value !== null;
  const text = draft.value.text;
  const canSend = text.trim() !== "" && !isRunning;
  const send = () => {
    if (!canSend) return;
    const turn = editing.value;
    editing.value = null;
    draft.value = { text: "" };
    void (turn ? retry(turn, text) : ask(text));
  };
  const clear = () => {
    turns.value = [];
    keepConversation();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") stop();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="hidden" for="question">
        Your question
      </label>
      <textarea
        id="question"
        rows={2}
        dir="auto"
        placeholder="Ask something. Enter sends, Shift+Enter breaks the line."
        value={text}
        onInput={(event) => (draft.value = { text: event.currentTarget.value })}
        onKeyDown={onKeyDown}
      />
      <div class="row">
        {turns.value.length > 0 && (
          <button type="button" class="small" onClick={clear}>
            Clear the conversation
          </button>
        )}
        <span class="spacer" />
        {editing.value && (
          <button type="button" onClick={() => (editing.value = null)}>
            Do not edit
          </button>
        )}
        {isRunning ? (
          <button type="button" class="primary" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={!canSend}>
            {editing.value ? "Send again" : "Send"}
          </button>
        )}
      </div>
    </form>
  );
}

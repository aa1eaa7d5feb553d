/** A failure as the page shows it: what happened, what to do next, and the means to do it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { setApiKey } from "./client.ts";
import type { Problem } from "./problems.ts";

const TICK_MS = 250;
/** Failures that another key ends. */
const KEY_REASONS = new Set(["UNAUTHENTICATED", "KEY_EXPIRED"]);

/** A failure with what to do next; counts down and retries by itself when the server said when. */
export function ProblemBox({
  problem,
  onRetry,
}: {
  readonly problem: Problem;
  readonly onRetry?: () => void;
}) {
  const left = useCountdown(onRetry && problem.reason !== "" ? problem.retryAfterMs : undefined, onRetry);
  const wantsKey = KEY_REASONS.has(problem.reason);
  return (
    <div class="problem">
      <div role="alert">
        <strong>{problem.title}.</strong> {problem.advice}
        {problem.detail !== "" && <p class="quiet">{problem.detail}</p>}
      </div>
      {onRetry && wantsKey && <KeyEntry onEntered={onRetry} />}
      {onRetry && !wantsKey && (
        <button type="button" onClick={onRetry}>
          {left > 0 ? `Retry (in ${left} s)` : "Retry"}
        </button>
      )}
    </div>
  );
}

/** Where a key is missing: takes one and tries again with it. */
function KeyEntry({ onEntered }: { readonly onEntered: () => void }) {
  const enter = (event: SubmitEvent) => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get("key");
    setApiKey(String(key).trim());
    onEntered();
  };
  return (
    <form class="row" onSubmit={enter}>
      <label class="field inline">
        <span class="field-name">New key</span>
        <input type="password" name="key" autocomplete="off" required />
      </label>
      <button type="submit">Use this key</button>
    </form>
  );
}

function useCountdown(afterMs: number | undefined, onEnd: (() => void) | undefined): number {
  const [left, setLeft] = useState(afterMs === undefined ? 0 : Math.ceil(afterMs / 1_000));
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    if (afterMs === undefined) return;
    const endMs = performance.now() + afterMs;
    const timer = setInterval(() => {
      const seconds = Math.ceil((endMs - performance.now()) / 1_000);
      setLeft(Math.max(0, seconds));
      if (seconds > 0) return;
      clearInterval(timer);
      end.current?.();
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [afterMs]);
  return left;
}

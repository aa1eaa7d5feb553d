/** Search: a strategy at work under a verifier, told as it happens. */
import { useSignal } from "@preact/signals";
import { EmptyState } from "../lib/controls.tsx";
import { ProblemBox } from "../lib/problem-box.tsx";
import { count, duration } from "../lib/numbers.ts";
import { SeriesChart } from "../service/series-chart.tsx";
import { callOf } from "../share/call.ts";
import { savePng } from "../share/save.ts";
import { SharePanel } from "../share/share-panel.tsx";
import { CandidateTree } from "./candidate-tree.tsx";
import { type Search, search, searchSpec, startSearch } from "./run.ts";
import { SearchForm } from "./search-form.tsx";
import { searchSettings } from "./settings.ts";

/** The view. */
export function SearchView() {
  const now = search.value;
  return (
    <div class="columns two">
      <aside class="settings" aria-label="Settings">
        <SearchForm isRunning={now?.isRunning ?? false} />
        <SharePanel view="search" call={searchCall} kept={() => now && plain(now)} />
      </aside>
      <section class="conversation" aria-label="Search">
        <h2 class="hidden">Search</h2>
        {now ? (
          <SearchResult now={now} />
        ) : (
          <EmptyState title="Let a small model try more than once">
            <p>
              Pick a strategy and, if it wants one, a verifier. Candidates appear as they begin, coloured by
              their score; those given up fade; the answer is the one the strategy chooses. Click a candidate
              to read it.
            </p>
          </EmptyState>
        )}
      </section>
    </div>
  );
}

/** The request that the button sends; null while the parameters are no JSON. */
function searchCall() {
  try {
    return callOf("Generate", { spec: searchSpec() });
  } catch {
    return null;
  }
}

/** A search as plain data. */
function plain(now: Search) {
  return { settings: searchSettings.value, ...now, candidates: [...now.candidates.values()] };
}

function SearchResult({ now }: { readonly now: Search }) {
  const picked = useSignal(0);
  const final = now.final?.candidate ?? 0;
  const shown = now.candidates.get(picked.value || final);
  const texts = now.final?.candidates ?? [];
  const text = texts.find(({ candidate }) => candidate === shown?.id)?.text ?? shown?.text ?? "";
  return (
    <>
      {now.problem && <ProblemBox problem={now.problem} onRetry={() => void startSearch()} />}
      <article class="answer" aria-label="Answer" aria-busy={now.isRunning}>
        <h3>Answer</h3>
        <p class="answer-text" dir="auto">
          {now.answer || (now.isRunning ? "…" : "")}
        </p>
      </article>
      <CandidateTree
        candidates={now.candidates}
        chosen={final}
        picked={shown?.id ?? 0}
        onPick={(id) => (picked.value = id)}
      />
      {shown && (
        <article class="answer" aria-label={`Candidate ${shown.id}`}>
          <h3>Candidate {shown.id}</h3>
          <p class="answer-text" dir="auto">
            {text}
          </p>
        </article>
      )}
      <div class="charts">
        {now.sampleSizes.length > 0 && (
          <SeriesChart
            label="effective sample size"
            points={[now.sampleSizes.map((_, i) => i + 1), now.sampleSizes]}
          />
        )}
        <SeriesChart label="tokens generated" points={[now.tokens.map((_, i) => i + 1), now.tokens]} />
      </div>
      <Bill now={now} />
    </>
  );
}

function Bill({ now }: { readonly now: Search }) {
  const bill = now.usage?.scaling;
  if (!bill) return null;
  const lines: readonly (readonly [string, string])[] = [
    ["candidates", count(bill.candidates)],
    ["tokens generated", count(bill.generatedTokens)],
    ["tokens of candidates given up", count(bill.discardedTokens)],
    ["calls of the verifier", count(bill.verifierCalls)],
    ["time", duration(bill.wallMs)],
  ];
  const save = () => {
    const drawing = document.querySelector<SVGSVGElement>("svg.tree");
    if (drawing) void savePng("search.png", drawing);
  };
  return (
    <section aria-label="The bill">
      <h3>The bill</h3>
      <dl class="bill">
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="row">
        <button type="button" onClick={save}>
          Save the tree as PNG
        </button>
      </div>
    </section>
  );
}

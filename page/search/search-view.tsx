/** Search: a strategy at work under a verifier, told as it happens. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Facts } from "../lib/facts.tsx";
import { EmptyState } from "../lib/controls.tsx";
import { ProblemBox } from "../lib/problem-box.tsx";
import { count, duration } from "../lib/numbers.ts";
import { SeriesChart } from "../service/series-chart.tsx";
import { callOf } from "../share/call.ts";
import { savePng } from "../share/save.ts";
import { SharePanel } from "../share/share-panel.tsx";
import { CandidateLanes } from "./candidate-lanes.tsx";
import { CandidateTree } from "./candidate-tree.tsx";
import type { FigureProps } from "./candidate-node.tsx";
import { type Search, search, searchSpec, startSearch } from "./run.ts";
import { SearchForm } from "./search-form.tsx";
import { changeSearch, searchSettings } from "./settings.ts";

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
          <EmptyState title="Let a small model try more than once" class="welcome">
            <p>
              Pick a strategy and, if it wants one, a verifier. Candidates appear as they begin, as a tree or
              as lanes over tokens, coloured by their score; those given up fade; the answer is the one the
              strategy chooses. Click a candidate to read it.
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
      {(now.isRunning || now.answer !== "") && (
        <article class="answer" aria-label="Answer" aria-busy={now.isRunning}>
          <h3>Answer</h3>
          <p class="answer-text" dir="auto">
            {now.answer || "…"}
          </p>
        </article>
      )}
      {(now.isRunning || now.candidates.size > 0) && (
        <CandidateFigure
          candidates={now.candidates}
          chosen={final}
          picked={shown?.id ?? 0}
          onPick={(id) => (picked.value = id)}
        />
      )}
      {shown && picked.value !== 0 && (
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
            over="steps"
            points={[now.sampleSizes.map((_, i) => i + 1), now.sampleSizes]}
          />
        )}
        {now.tokens.length > 0 && (
          <SeriesChart
            label={`tokens generated, of ${count(now.budget)}`}
            over="steps"
            points={[now.tokens.map((_, i) => i + 1), now.tokens]}
          />
        )}
      </div>
      <Bill now={now} />
    </>
  );
}

const SHAPES = { tree: ["Tree", CandidateTree], lanes: ["Lanes", CandidateLanes] } as const;

/** The candidates, drawn as the user wants them. */
function CandidateFigure(props: FigureProps) {
  const shape = searchSettings.value.shape === "lanes" ? "lanes" : "tree";
  const [, Figure] = SHAPES[shape];
  const place = useRef<HTMLElement>(null);
  const save = () => {
    const drawing = place.current?.querySelector("svg");
    if (drawing) void savePng("search.png", drawing);
  };
  return (
    <section class="panel search-figure" aria-label="Candidates" ref={place}>
      <header>
        <h3>Candidates</h3>
        <span class="quiet">
          score 0 <i class="scores" role="img" aria-label="to" /> 1; faded: given up; ringed: the answer
        </span>
        <div class="switch" role="group" aria-label="Drawn as">
          {Object.entries(SHAPES).map(([name, [title]]) => (
            <button
              key={name}
              type="button"
              class="small"
              aria-pressed={name === shape}
              onClick={() => changeSearch({ shape: name })}
            >
              {title}
            </button>
          ))}
        </div>
        <button type="button" class="small" onClick={save}>
          Save as PNG
        </button>
      </header>
      <Figure {...props} />
    </section>
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
  return (
    <section class="panel" aria-label="The bill">
      <h3>The bill</h3>
      <Facts facts={lines} />
    </section>
  );
}

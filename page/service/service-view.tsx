/** Service: models, memory, load, from ListModels and the metrics. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { apiKey, setApiKey } from "../lib/client.ts";
import { EmptyState } from "../lib/controls.tsx";
import { bytes, count, percent } from "../lib/numbers.ts";
import { catalog, loadCatalog } from "../state/catalog.ts";
import { readMetrics, type Sample, total, totalOf } from "./metrics.ts";
import { callOf } from "../share/call.ts";
import { saveChartsPng } from "../share/save.ts";
import { SharePanel } from "../share/share-panel.tsx";
import { SeriesChart } from "./series-chart.tsx";

/** Requests in line, by priority. */
const WAITING = ["high", "normal", "low"].map((band) => `trimtab_admission_waiting_${band}`);
const COLUMNS = [
  ["Name", ""],
  ["Family", ""],
  ["Blocks", "number"],
  ["Context", "number"],
  ["Parameters", "number"],
  ["Weights", "number"],
  ["Running", "number"],
  ["Waiting", "number"],
  ["KV pages free", "number"],
  ["Prefix hits", "number"],
  ["Compute", ""],
] as const;
const EVERY_MS = 2_000;
const KEPT_SAMPLES = 150;

interface Moment {
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

/** The view; it reads the metrics every two seconds while it is open. */
export function ServiceView() {
  const moments = useSignal<readonly Moment[]>([]);
  const said = useSignal("");
  const place = useRef<HTMLElement>(null);
  const saveCharts = () => place.current && saveChartsPng("service.png", place.current);
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      try {
        const samples = await readMetrics(stop.signal);
        moments.value = [...moments.value, { atMs: performance.now(), samples }].slice(-KEPT_SAMPLES);
        said.value = "";
      } catch {
        if (!stop.signal.aborted)
          said.value = "The metrics cannot be read: is the server up, and is a key needed?";
      }
      await loadCatalog();
    };
    void read();
    const timer = setInterval(() => void read(), EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, []);
  return (
    <div class="page">
      <section class="panel" aria-label="Models">
        <h2>Models</h2>
        {catalog.value.models.length === 0 ? (
          <EmptyState title="No model is loaded">
            <p>
              Start the server with a model file: <code>trimtab serve --model FILE</code>.
            </p>
          </EmptyState>
        ) : (
          <ModelTable models={catalog.value.models} />
        )}
      </section>
      <section class="stack" aria-label="Load" ref={place}>
        <h2 class="hidden">Load</h2>
        <p role="status" class="said">
          {said.value}
        </p>
        <Load moments={moments.value} />
        <div class="row">
          <button type="button" onClick={saveCharts}>
            Save the charts as PNG
          </button>
        </div>
      </section>
      <div class="page two">
        <SharePanel
          view="service"
          call={() => callOf("ListModels", {})}
          kept={() => ({ models: catalog.value.models, moments: moments.value })}
        />
        <KeyField />
      </div>
    </div>
  );
}

function ModelTable({ models }: { readonly models: readonly Model[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Table of models">
      <table class="models">
        <thead>
          <tr>
            {COLUMNS.map(([title, kind]) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <ModelRow key={model.name} model={model} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ModelRow({ model }: { readonly model: Model }) {
  const memory = model.kvMemory;
  const asked = Number(memory?.queriedTokens ?? 0n);
  return (
    <tr>
      <th scope="row">{model.name}</th>
      <td>{model.loaded ? model.architecture : "not loaded"}</td>
      <td class="number">{model.layers || "–"}</td>
      <td class="number">{model.contextTokens ? count(model.contextTokens) : "–"}</td>
      <td class="number">{model.parameters ? `${(Number(model.parameters) / 1e6).toFixed(0)} M` : "–"}</td>
      <td class="number">{model.weightBytes ? bytes(Number(model.weightBytes)) : "–"}</td>
      <td class="number">{model.load?.runningSequences ?? "–"}</td>
      <td class="number">{model.load?.waitingSequences ?? "–"}</td>
      <td class="number">
        {memory
          ? `${memory.freePages} of ${memory.pages} (${bytes(memory.pages * Number(memory.pageBytes))})`
          : "–"}
      </td>
      <td class="number">{memory && asked > 0 ? percent(Number(memory.hitTokens) / asked) : "–"}</td>
      <td>{model.compute || "–"}</td>
    </tr>
  );
}

function Load({ moments }: { readonly moments: readonly Moment[] }) {
  const start = moments[0]?.atMs ?? 0;
  const seconds = moments.map(({ atMs }) => (atMs - start) / 1_000);
  const running = moments.map(({ samples }) => total(samples, "trimtab_rpc_running"));
  const waiting = moments.map(({ samples }) => totalOf(samples, WAITING));
  const used = moments.map(({ samples }) => {
    const pages = total(samples, "trimtab_kv_pages");
    return pages === 0 ? 0 : 100 * (1 - total(samples, "trimtab_kv_pages_free") / pages);
  });
  const generated = moments.map(({ samples }) => total(samples, "trimtab_tokens_total", 'kind="generated"'));
  const rate = generated.slice(1).map((now, index) => {
    const elapsed = (seconds[index + 1] ?? 0) - (seconds[index] ?? 0);
    return Math.max(0, (now - (generated[index] ?? 0)) / Math.max(elapsed, 1e-3));
  });
  return (
    <div class="charts">
      <SeriesChart label="tokens/s, all answers" points={[seconds.slice(1), rate]} />
      <SeriesChart label="calls running" points={[seconds, running]} />
      <SeriesChart label="requests waiting to be let in" points={[seconds, waiting]} />
      <SeriesChart label="KV pages in use, %" points={[seconds, used]} />
    </div>
  );
}

function KeyField() {
  return (
    <form class="panel" onSubmit={(event) => event.preventDefault()}>
      <h2>Key</h2>
      <label class="field">
        <span class="field-name">API key, if this server wants one; kept until this tab closes</span>
        <input
          class="key-input"
          type="password"
          autocomplete="off"
          value={apiKey.value}
          onChange={(event) => setApiKey(event.currentTarget.value.trim())}
        />
      </label>
    </form>
  );
}

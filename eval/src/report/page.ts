/** The frame of a report: one self-contained page, no scripts, no fonts, nothing fetched. */

/** What every report shows. */
export interface Page {
  readonly title: string;
  /** Says at the top that the numbers are no result. */
  readonly isQuick: boolean;
  /** HTML between the title and the end. */
  readonly body: string;
}

/** The page as HTML. */
export function htmlPage({ title, isQuick, body }: Page): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>
body { font: 14px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse } th, td { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left } figure { margin: 2rem 0 } svg { max-width: 100%; height: auto }
.smoke { background: #fff3cd; padding: .5rem 1rem }
</style></head><body>
<h1>${escapeHtml(title)}</h1>
${isQuick ? '<p class="smoke">A smoke test: it shows that everything works. Its numbers are no result.</p>' : ""}
${body}
</body></html>
`;
}

/** A table of texts. */
export const htmlTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><tr>${head.map((cell) => `<th>${escapeHtml(cell)}</th>`).join("")}</tr>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`)
    .join("")}</table>`;

/** Text as HTML shows it. */
export const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

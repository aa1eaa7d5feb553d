// Read by a type checker beside the installed package, never run: what must be accepted, and what must not.
import { connect, type AnswerEvent, type Reason, schema, TrimtabError } from "@trimtab/client";

const trimtab = connect({ url: "http://localhost:50051", apiKey: "key", timeoutMs: 1_000 });

export function textOf(event: AnswerEvent): string {
  // @ts-expect-error: what an event holds is known only once its case is.
  event.value.text;
  return event.case === "delta" ? event.value.text : "";
}

export async function example(): Promise<Reason | undefined> {
  // @ts-expect-error: no such field.
  trimtab.answer("Hello", { temperature: 1 });
  const answer = trimtab.answer([{ role: "user", content: "Hello" }], {
    steering: { use: { recipe: "refusal" } },
  });
  for await (const event of answer) textOf(event);
  const { models } = await trimtab.listModels({});
  const names: string[] = models.map(({ name }) => name);
  for await (const { chunk } of trimtab.getArtifact({ reference: names[0] ?? "" })) chunk.byteLength;
  const kind: schema.artifact.ArtifactKind = schema.artifact.ArtifactKind.DIRECTION;
  return kind ? new TrimtabError({} as never).reason : undefined;
}

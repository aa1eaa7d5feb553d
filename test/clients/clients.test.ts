/** Programs of other people's languages and tools against the running gateway: one stack, every client, the same answers. */
import { afterAll } from "bun:test";
import { served } from "../interop/support/shared.ts";
import "./languages/copied.ts";
import "./languages/curl.ts";
import "./languages/go.ts";
import "./languages/java.ts";
import "./languages/notebook.ts";
import "./languages/package.ts";
import "./languages/python.ts";
import "./languages/rust.ts";
import "./languages/typescript.ts";

afterAll(() => served.close(), 60_000);

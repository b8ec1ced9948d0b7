import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openSink } from "../../src/transport/index.ts";
import { command, commandOutput, isRoot, repository, temporaryDirectory } from "../support/index.ts";
import { writeSample } from "../transport/sample-image.ts";

/** An ordinary user: nobody. Without root the tests run as who they are. */
const USER = 65_534;
const directory = temporaryDirectory("library");
const at = (...names: string[]): string => join(directory.path, ...names);
const node = join(repository, "scripts/node");
const arch = process.arch === "arm64" ? "arm64" : "x64";
const nodeProgram = join(repository, `node_modules/node-linux-${arch}/bin/node`);

/** The program and arguments that run an example of docs/library.md as the ordinary user. */
function asUser(...args: string[]): [program: string, args: string[]] {
  if (!isRoot) return [nodeProgram, args];
  return ["setpriv", [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", nodeProgram, ...args]];
}

async function runExample(name: string, ...args: string[]): Promise<string> {
  const [program, all] = asUser(name, ...args);
  const result = await command(program, all, { cwd: at("app"), env: { HOME: at("app") } });
  assert.equal(result.exitCode, 0, result.stderr);
  return result.stdout.trim();
}

/** The examples of docs/library.md by the file names in their first lines. */
function examples(): Map<string, string> {
  const text = readFileSync(join(repository, "docs/library.md"), "utf8");
  const blocks = text.matchAll(/```js\n(\/\/ ([a-z]+\.mjs)[\s\S]*?)```/g);
  return new Map([...blocks].map(([, code, name]) => [name!, code!]));
}

let registry: ChildProcess;
let address: string;
before(async () => {
  chmodSync(directory.path, 0o755);
  mkdirSync(at("app"));
  await commandOutput("npm", [
    "pack",
    "--pack-destination",
    directory.path,
    join(repository, "dist/package"),
  ]);
  const [archive] = readdirSync(directory.path).filter((name) => name.endsWith(".tgz"));
  writeFileSync(at("app", "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await commandOutput("npm", ["install", "--no-audit", "--no-fund", at(archive!)], { cwd: at("app") });
  for (const [name, code] of examples()) writeFileSync(at("app", name), code);
  {
    await using sink = await openSink(`oci:${at("app", "sample")}:v1`);
    await writeSample(sink, 2);
  }
  if (isRoot) {
    await commandOutput("chown", ["-R", `${USER}:${USER}`, at("app")]);
    chownSync(at("app"), USER, USER);
  }
  const [program, args] = asUser("registry.mjs");
  registry = spawn(program, args, { cwd: at("app"), stdio: ["ignore", "pipe", "inherit"] });
  address = await new Promise((resolve, reject) => {
    registry.stdout!.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    registry.once("error", reject);
    registry.once("exit", (code) => reject(new Error(`registry.mjs exited with ${code}`)));
  });
});
after(() => {
  registry?.kill("SIGKILL");
  directory[Symbol.dispose]();
});

test("the package holds compiled JavaScript and types, and no test", async () => {
  const files = readdirSync(at("app/node_modules/corten"), { recursive: true, encoding: "utf8" });
  assert.ok(files.includes("lib/transport/index.js") && files.includes("lib/transport/index.d.ts"));
  assert.ok(files.includes("LICENSE") && files.includes("README.md"));
  assert.deepEqual(
    files.filter((name) => /test|\.ts$/.test(name) && !name.endsWith(".d.ts")),
    [],
  );
});

test("the examples of docs/library.md: push to a registry, list it, pull from it", async () => {
  const digest = await runExample("copy.mjs", "oci:sample:v1", `docker://${address}/app:1`);
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await runExample("tags.mjs", `${address}/app`), "1");
  assert.equal(await runExample("copy.mjs", `docker://${address}/app:1`, "oci:pulled:v1"), digest);
  const blobs = (name: string) => readdirSync(at("app", name, "blobs/sha256")).sort();
  assert.deepEqual(blobs("pulled"), blobs("sample"));
  const pulled = await runExample("pull.mjs", `${address}/app:1`, at("app/store"));
  assert.equal(pulled.split("\n").length, 4, "a configuration, two layers, and the image's id");
});

test("every example is run, and every room can be imported", async () => {
  assert.deepEqual([...examples().keys()].sort(), ["copy.mjs", "pull.mjs", "registry.mjs", "tags.mjs"]);
  const { exports } = JSON.parse(readFileSync(at("app/node_modules/corten/package.json"), "utf8"));
  const rooms = Object.keys(exports).map((name) => `corten${name.slice(1)}`);
  writeFileSync(at("app", "all.mjs"), rooms.map((name) => `import ${JSON.stringify(name)};`).join("\n"));
  assert.equal(rooms.length, 6);
  await runExample("all.mjs");
  writeFileSync(at("app", "transport.mjs"), 'import "corten/transport";');
  const quiet = await command(node, ["transport.mjs"], { cwd: at("app") });
  assert.equal(quiet.stderr, "", "who only transports loads no database");
});

test("the types stand by themselves, also where everything is checked", async () => {
  writeFileSync(
    at("app", "user.ts"),
    `import { createRegistry, memoryStorage } from "corten/registry";
import { isCortenError } from "corten/spec";
import { type ImageSource, openSource, type RegistryOptions } from "corten/transport";
const options: RegistryOptions = { insecure: false, attempts: 3 };
const source: Promise<ImageSource> = openSource("docker://alpine:3", { registry: options });
source.catch((error: unknown) => isCortenError(error, "not-found"));
createRegistry({ storage: memoryStorage() }).handler satisfies (...args: never[]) => void;
`,
  );
  const compiler = join(repository, "node_modules/typescript/bin/tsc");
  const types = join(repository, "node_modules/@types");
  const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
  const module = [
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "esnext",
    "--types",
    "node",
    "--typeRoots",
    types,
  ];
  const result = await command(process.execPath, [compiler, ...flags, ...module, "user.ts"], {
    cwd: at("app"),
  });
  assert.equal(result.exitCode, 0, result.stdout);
});

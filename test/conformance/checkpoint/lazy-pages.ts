import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { hostFacts } from "../../../src/host/index.ts";
import { command, commandOutput, cortenOci, makeBundle, temporaryDirectory } from "../../support/index.ts";
import { eventually } from "../engines/daemon.ts";

const COUNT = "i=0; until [ -e /tmp/stop ]; do i=$((i+1)); echo $i > /tmp/n; sleep .05; done";
const PORT = 27_077;
/** What criu's page server wants for a pipe. */
const PIPE_SIZE = 4 * 1024 * 1024;
const SYS_RESOURCE = 24;

function mayHaveLargePipes(): boolean {
  const { permitted } = hostFacts().capabilities;
  const able = Math.floor(permitted / 2 ** SYS_RESOURCE) % 2 === 1;
  return able || Number(readFileSync("/proc/sys/fs/pipe-max-size", "utf8")) >= PIPE_SIZE;
}

describe("lazy pages", { timeout: 120_000 }, () => {
  const scratch = temporaryDirectory("lazy-pages");
  const at = (name: string) => join(scratch.path, name);
  const env = { PATH: `${at("bin")}:${process.env["PATH"]}` };
  const line = (...args: string[]) => ["--root", at("state"), ...args];
  const oci = (...args: string[]) => command(cortenOci, line(...args), { env });
  const id = "corten-lazy-pages";
  const images = ["--image-path", at("images"), "--work-path", at("work")];

  before(async () => {
    for (const name of ["bin", "images", "work"]) mkdirSync(at(name));
    if (mayHaveLargePipes()) return;
    // Without the right criu ends at the first page (src/runtime/checkpoint/criu.ts); it works with smaller pipes.
    const source = join(import.meta.dirname, "pipe-size.c");
    await commandOutput("cc", ["-shared", "-fPIC", "-O1", "-o", at("pipe-size.so"), source]);
    const real = await commandOutput("sh", ["-c", "command -v criu"]);
    writeFileSync(at("bin/criu"), `#!/bin/sh\nLD_PRELOAD=${at("pipe-size.so")} exec ${real} "$@"\n`);
    chmodSync(at("bin/criu"), 0o755);
  });
  after(async () => {
    for (const name of [id, `${id}-restored`]) await oci("delete", "-f", name);
    scratch[Symbol.dispose]();
  });

  test("a container runs on where its memory is still on the way", async () => {
    makeBundle(at("bundle"), ["sh", "-c", COUNT], ({ root }) => Object.assign(root, { readonly: false }));
    const quiet = '"$@" </dev/null >/dev/null 2>&1';
    const start = (...words: string[]) =>
      command("sh", ["-c", quiet, "sh", cortenOci, ...line(...words)], { env });
    const reached = () => Number(readFileSync(at("bundle/rootfs/tmp/n"), "utf8"));
    assert.equal((await start("run", "-d", "-b", at("bundle"), id)).exitCode, 0);
    await eventually(async () => `${existsSync(at("bundle/rootfs/tmp/n"))}`, /true/);

    const address = ["--address", "127.0.0.1", "--port", `${PORT}`];
    const words = ["checkpoint", "--lazy-pages", "--page-server", `127.0.0.1:${PORT}`, ...images];
    const dump = spawn(cortenOci, line(...words, "--status-fd", "3", id), {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    const dumped = new Promise((resolve) => dump.once("exit", resolve));
    // A NUL comes when the pages are served.
    const told = await new Promise<Buffer>((resolve) => dump.stdio[3]!.once("data", resolve));
    assert.deepEqual([...told], [0]);
    const before = reached();

    const log = ["--log-file", "lazy-pages.log", "-v4"];
    const pages = ["lazy-pages", "--page-server", ...address, "-D", at("images"), "-W", at("work"), ...log];
    const daemon = spawn("criu", pages, { env: { ...process.env, ...env }, stdio: "inherit" });
    const fetched = new Promise((resolve) => daemon.once("exit", resolve));
    await eventually(async () => `${existsSync(at("work/lazy-pages.socket"))}`, /true/);
    const restore = ["restore", "-d", "-b", at("bundle"), ...images, "--lazy-pages", `${id}-restored`];
    const restored = await start(...restore);
    assert.equal(restored.exitCode, 0, readFileSync(at("work/restore.log"), "utf8").slice(-2000));
    await eventually(async () => `${reached() > before}`, /true/);
    assert.deepEqual([await dumped, await fetched], [0, 0]);
    assert.match((await oci("state", id)).stderr, /container does not exist/);
    assert.equal(JSON.parse((await oci("state", `${id}-restored`)).stdout).status, "running");
    assert.match(readFileSync(at("work/lazy-pages.log"), "utf8"), /UFFD transferred pages: \(\d+\/\d+\)/);
  });
});

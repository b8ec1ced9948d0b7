import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  corten,
  debianRootfs,
  openTerminal,
  snapshotHost,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

const MINUTES = 60_000;

/** Makes an OCI image of one layer from a root's tar archive, as `oci:LAYOUT:NAME` for skopeo. */
async function makeImage(
  layout: string,
  name: string,
  archive: string,
  cmd: readonly string[],
): Promise<string> {
  const image = `${layout}:${name}`;
  await commandOutput("umoci", ["init", "--layout", layout]);
  await commandOutput("umoci", ["new", "--image", image]);
  await commandOutput("umoci", ["raw", "add-layer", "--image", image, archive], { timeoutMs: 3 * MINUTES });
  const config = cmd.flatMap((word) => ["--config.cmd", word]);
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  await commandOutput("umoci", ["config", "--image", image, "--config.env", path, ...config]);
  return `oci:${image}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function eventually<T>(what: string, attempt: () => Promise<T>, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe("a Debian root, from a registry to a running container and back to nothing", {
  timeout: 15 * MINUTES,
}, () => {
  test("shell under a pty, server on the host's network, logs, exec, stop, rm, nothing left", async () => {
    using scratch = temporaryDirectory("e2e-debian");
    const [root, runRoot] = [join(scratch.path, "data"), join(scratch.path, "run")];
    mkdirSync(root, { mode: 0o700 });
    const global = ["--root", root, "--run-root", runRoot];
    const run = (...args: string[]) => command(corten, [...global, ...args], { timeoutMs: 3 * MINUTES });
    const must = (...args: string[]) =>
      commandOutput(corten, [...global, ...args], { timeoutMs: 3 * MINUTES });

    await using registry = await startRegistry();
    const push = async (source: string, name: string): Promise<string> => {
      const reference = `${registry.address}/${name}`;
      const copy = ["copy", "--quiet", "--dest-tls-verify=false", source, `docker://${reference}`];
      await commandOutput("skopeo", copy, { timeoutMs: 3 * MINUTES });
      return reference;
    };
    const plain = await makeImage(join(scratch.path, "plain"), "debian", await debianRootfs(), ["bash"]);
    const server = await makeImage(
      join(scratch.path, "server"),
      "nginx",
      await debianRootfs({ include: ["nginx-light"] }),
      ["nginx", "-g", "daemon off;"],
    );
    const debian = await push(plain, "corten-test/debian:12");
    const nginx = await push(server, "corten-test/nginx:1");
    await must("pull", debian);
    await must("pull", nginx);

    const before = snapshotHost({ matching: new RegExp(`corten|${scratch.path}|nginx`) });

    await using shell = await openTerminal(corten, [...global, "run", "-it", "--name", "shell", debian], {
      rows: 31,
      columns: 101,
    });
    await shell.waitFor("# ");
    shell.type("stty size; id -u; . /etc/os-release; echo $ID-$VERSION_ID\r");
    await shell.waitFor("31 101");
    await shell.waitFor("debian-12");
    shell.resize(40, 120);
    await new Promise((resolve) => setTimeout(resolve, 200));
    shell.type("stty size\r");
    await shell.waitFor("40 120");
    shell.type("exit 7\r");
    assert.equal(await shell.exit, 7);

    const port = await freePort();
    const site = join(scratch.path, "site.conf");
    const page =
      "server { listen 127.0.0.1:PORT; access_log /dev/stdout; location / { return 200 'served by corten\\n'; } }\n";
    writeFileSync(site, page.replace("PORT", `${port}`), { mode: 0o644 });
    const id = await must(
      ...["run", "-d", "--name", "web", "--network", "host"],
      ...["-v", `${site}:/etc/nginx/sites-enabled/default:ro`, "--stop-signal", "SIGQUIT", nginx],
    );
    assert.match(id, /^[0-9a-f]{64}$/);
    const answer = await eventually("an answer", async () =>
      (await fetch(`http://127.0.0.1:${port}/`)).text(),
    );
    assert.equal(answer, "served by corten\n");
    assert.match(await must("ps"), /web/);
    await eventually("the access log", async () => assert.match(await must("logs", "web"), /GET \/ HTTP/));
    assert.match(await must("exec", "web", "cat", "/etc/os-release"), /VERSION_ID="12"/);
    assert.equal((await run("exec", "web", "sh", "-c", "exit 9")).exitCode, 9);
    assert.equal((await run("exec", "web", "no-such-program")).exitCode, 127);

    await must("stop", "web");
    const [inspected] = JSON.parse(await must("inspect", "web")) as [
      { State: { Status: string; ExitCode: number } },
    ];
    assert.deepEqual([inspected.State.Status, inspected.State.ExitCode], ["exited", 0]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    await must("rm", "web");
    await must("rm", "shell");
    assert.deepEqual(JSON.parse(await must("ps", "-a", "--format", "json")), []);

    await must("rmi", debian, nginx);
    await assertNothingLeft(before);
  });
});

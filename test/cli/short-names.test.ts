/** Short names that could mean several images: asked for on a terminal, an error without one. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import type { Terminal } from "../support/index.ts";
import {
  command,
  commandOutput,
  corten,
  isRoot,
  openTerminal,
  temporaryDirectory,
} from "../support/index.ts";

const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

describe("a short name that could mean several images", { skip: !isRoot }, () => {
  const scratch = temporaryDirectory("short-names");
  const at = (name: string): string => join(scratch.path, name);
  const registries = [1, 2, 3].map(() => createRegistry({ storage: memoryStorage() }));
  const servers = registries.map(({ handler }) => createServer(handler));
  let hosts: readonly string[];
  let user = 0;
  let home: string;
  let aliases: string;

  before(async () => {
    chmodSync(scratch.path, 0o755);
    for (const server of servers)
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    hosts = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    writeFileSync(at("note.txt"), "it is this one\n");
    // The last of them only has it.
    await commandOutput(corten, ["artifact", "push", "-q", `${hosts[2]}/note:7`, "note.txt"], {
      cwd: scratch.path,
    });
  });
  after(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    for (const registry of registries) await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });
  beforeEach(async () => {
    home = at(`home-${++user}`);
    mkdirSync(home);
    await commandOutput("chown", ["65534:65534", home]);
    aliases = join(home, "cache/containers/short-name-aliases.conf");
  });

  const environment = (mode: string) => {
    const names = hosts.map((host) => `"${host}"`).join(", ");
    writeFileSync(
      at("registries.conf"),
      `unqualified-search-registries = [${names}]\nshort-name-mode = "${mode}"\n`,
    );
    return {
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_RUNTIME_DIR: home,
      CONTAINERS_REGISTRIES_CONF: at("registries.conf"),
    };
  };
  const words = [...NOBODY, corten, "pull", "-q", "note:7"];
  const onTerminal = (mode: string): Promise<Terminal> =>
    openTerminal("setpriv", words, { env: environment(mode), cwd: "/" });
  const PODMAN = ["--storage-driver", "vfs", "--root", at("podman"), "--runroot", at("podman-run")];
  const withoutTerminal = (mode: string) => command("setpriv", words, { env: environment(mode), cwd: "/" });

  for (const mode of ["enforcing", "permissive"]) {
    test(`${mode}: the terminal is asked, and the choice is remembered`, async () => {
      {
        await using terminal = await onTerminal(mode);
        await terminal.waitFor(`"note:7" could mean several images. Please select one:`);
        await terminal.waitFor(`▸ ${hosts[0]}/note:7\r\n`);
        terminal.type("\x1b[B");
        await terminal.waitFor(`▸ ${hosts[1]}/note:7\r\n`);
        terminal.type("jjjk\x1b[Ax\x1b[B\x1b[B");
        await terminal.waitFor(`▸ ${hosts[2]}/note:7\r\n`);
        terminal.type("\r");
        await terminal.waitFor(`✔ ${hosts[2]}/note:7`);
        assert.equal(await terminal.exit, 0, terminal.output());
      }
      assert.equal(readFileSync(aliases, "utf8"), `[aliases]\n  "note" = "${hosts[2]}/note"\n`);
      await using again = await onTerminal(mode);
      assert.equal(await again.exit, 0, again.output());
      assert.doesNotMatch(again.output(), /select/);
    });
  }

  test("what was chosen and is not there is not remembered, and who leaves chooses nothing", async () => {
    await using wrong = await onTerminal("enforcing");
    await wrong.waitFor("Please select one:");
    wrong.type("\r");
    assert.equal(await wrong.exit, 1);
    assert.match(wrong.output(), /not found/);
    assert.throws(() => readFileSync(aliases), /ENOENT/);
    for (const key of ["\x03", "\x04"]) {
      await using left = await onTerminal("enforcing");
      await left.waitFor("Please select one:");
      left.type(key);
      assert.equal(await left.exit, 1);
      assert.match(left.output(), /nothing was selected/);
    }
  });

  test("disabled: nobody is asked, the registries are tried in turn", async () => {
    await using terminal = await onTerminal("disabled");
    assert.equal(await terminal.exit, 0, terminal.output());
    assert.doesNotMatch(terminal.output(), /select/);
  });

  test("without a terminal: podman's error, or in turn where registries.conf allows it", async () => {
    const refused = await withoutTerminal("enforcing");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /short-name resolution enforced but cannot prompt without a TTY/);
    const podman = await command("podman", [...PODMAN, "pull", "note:7"], {
      env: environment("enforcing"),
    });
    assert.match(podman.stderr, /short-name resolution enforced but cannot prompt without a TTY/);
    assert.equal((await withoutTerminal("permissive")).exitCode, 0);
    assert.throws(() => readFileSync(aliases), /ENOENT/);
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  type BundleConfig,
  command,
  cortenOci,
  isRoot,
  makeBundle,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../support/index.ts";

// criu's place is taken by a program that speaks as it does; what it "restores" runs as a plain process of the host's.
describe("corten-oci restore in the foreground", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-restore");
  const criu = join(scratch.path, "bin/criu");
  const images = join(scratch.path, "images");
  const pidFile = join(scratch.path, "pid");
  const root = join(scratch.path, "state");
  const id = "cli-restore-box";
  const env = { PATH: `${join(scratch.path, "bin")}:${process.env["PATH"]}` };
  const told = () => readFileSync(`${criu}.log`, "utf8");
  let bundles = 0;

  /** What is to be restored: the program, how its configuration differs, and what its standard streams were. */
  const prepare = (script: string, change?: (config: BundleConfig) => void, stream = "/dev/null"): string => {
    bundles += 1;
    const bundle = join(scratch.path, `bundle-${bundles}`);
    makeBundle(bundle, ["sh"], change);
    writeFileSync(`${criu}.script`, script);
    writeFileSync(join(images, "descriptors.json"), JSON.stringify([stream, stream, stream]));
    return bundle;
  };
  const line = (bundle: string, ...more: string[]) => {
    const words = ["restore", "-b", bundle, "--image-path", images, "--pid-file", pidFile, ...more, id];
    return ["--root", root, ...words];
  };
  const state = () => command(cortenOci, ["--root", root, "state", id]);

  before(() => {
    for (const path of [join(scratch.path, "bin"), images]) mkdirSync(path);
    copyFileSync(join(import.meta.dirname, "criu-servant.py"), criu);
    chmodSync(criu, 0o755);
  });
  after(async () => {
    await command(cortenOci, ["--root", root, "delete", "-f", id]);
    scratch[Symbol.dispose]();
  });

  test("it reads and writes the caller's streams, ends with the container's code, and leaves nothing", async () => {
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${id}`), folders: [root] });
    const bundle = prepare("echo $$; read word; echo got $word; exit 7", undefined, "pipe:[4711]");
    const { exitCode, stdout, stderr } = await command(cortenOci, line(bundle), { env, input: "it\n" });
    assert.deepEqual([exitCode, stderr], [7, ""]);
    assert.equal(stdout, `${readFileSync(pidFile, "utf8")}\ngot it\n`);
    for (const fd of [0, 1, 2]) assert.ok(told().includes(`inherit-fd "fd[${fd}]:pipe:[4711]"\n`), told());
    assert.match((await state()).stderr, /container does not exist/);
    rmSync(join(root, ".failures"), { recursive: true, force: true });
    await assertNothingLeft(left);
  });

  test("it is recorded before it goes on, runs for others once criu is through, and signals reach it", async () => {
    const state = `${cortenOci} --root ${root} state ${id}`;
    const script = `trap 'exit 5' TERM; ${state} > ${criu}.first; until ${state} | grep -q running; do :; done; echo ready
      while :; do sleep .05; done`;
    const child = spawn(cortenOci, line(prepare(script)), { env: { ...process.env, ...env } });
    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    const pid = readFileSync(pidFile, "utf8");
    assert.equal(`${(JSON.parse(readFileSync(`${criu}.first`, "utf8")) as { pid: number }).pid}`, pid);
    child.kill("SIGTERM");
    assert.equal(await ended, 5);
  });

  test("a terminal is the caller's: what is typed, its size, its end", async () => {
    const script =
      "trap 'stty size' WINCH; echo begun; until [ \"$word\" = end ]; do read word && echo got $word; done; exit 4";
    const bundle = prepare(script, ({ process }) => Object.assign(process, { terminal: true }), "/dev/pts/0");
    await using terminal = await openTerminal(cortenOci, line(bundle), { env });
    await terminal.waitFor("begun");
    terminal.type("it\r");
    await terminal.waitFor("got it");
    terminal.resize(30, 90);
    await terminal.waitFor("30 90");
    terminal.type("end\r");
    assert.equal(await terminal.exit, 4);
  });

  test("hooks that set the namespaces up see the restored process before it goes on; poststop sees its end", async () => {
    const seen = join(scratch.path, "hook");
    const hook = (name: string, script: string) => ({
      path: "/bin/sh",
      args: ["sh", "-c", `${script} > ${seen}-${name}`],
    });
    const hooks = { prestart: [hook("prestart", "cat")], poststop: [hook("poststop", "cat")] };
    const bundle = prepare(`cat ${seen}-prestart; exit 3`, (config) => Object.assign(config, { hooks }));
    const { exitCode, stdout, stderr } = await command(cortenOci, line(bundle), { env });
    assert.deepEqual([exitCode, stderr], [3, ""]);
    assert.equal(`${(JSON.parse(stdout) as { pid: number }).pid}`, readFileSync(pidFile, "utf8"));
    assert.equal(JSON.parse(readFileSync(`${seen}-poststop`, "utf8")).status, "stopped");
  });

  test("a hook that fails ends what was restored, and criu", async () => {
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${id}`) });
    const hooks = { prestart: [{ path: "/bin/sh", args: ["sh", "-c", "echo no network; exit 1"] }] };
    const bundle = prepare("echo it ran", (config) => Object.assign(config, { hooks }));
    const { exitCode, stdout, stderr } = await command(cortenOci, line(bundle), { env });
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.match(stderr, /error running prestart hook #0: .*no network/s);
    assert.match((await state()).stderr, /container does not exist/);
    await assertNothingLeft(left);
  });

  test("namespaces that have a path come to criu as descriptors", async () => {
    const bundle = prepare("exit 0", ({ linux }) => {
      linux["namespaces"] = [
        ...["ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: "/proc/self/ns/net" },
        { type: "pid", path: "/proc/self/ns/pid" },
      ];
    });
    assert.equal((await command(cortenOci, line(bundle), { env })).exitCode, 0);
    assert.match(readFileSync(`${criu}.descriptors`, "utf8"), /^net:\[\d+\]\npid:\[\d+\]\n$/);
    for (const key of ["fd[5]:extRootNetNS", "fd[6]:extRootPidNS"]) {
      assert.ok(told().includes(`inherit-fd "${key}"\n`), told());
    }
  });

  test("criu's own words when it fails, and nothing is left", async () => {
    const bundle = prepare("echo it ran");
    writeFileSync(`${criu}.fail`, "");
    const work = join(scratch.path, "work");
    const { exitCode, stdout, stderr } = await command(cortenOci, line(bundle, "--work-path", work), { env });
    rmSync(`${criu}.fail`);
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.ok(stderr.includes("criu failed: restore: Error (criu/x.c:2): no luck\n"), stderr);
    assert.ok(stderr.includes(`hint: all of it is in ${join(work, "restore.log")}`), stderr);
    assert.equal(existsSync(join(root, id)), false);
  });

  test("a signal ends a criu that does not end, and the restore", async () => {
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${id}`) });
    writeFileSync(`${criu}.hang`, "");
    const words = line(prepare("echo it ran"));
    const child = spawn(cortenOci, words, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    const ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    while (existsSync(`${criu}.hang`)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGTERM");
    assert.equal(await ended, 1);
    assert.match(stderr, /interrupted by SIGTERM/);
    await assertNothingLeft(left);
  });

  test("images that do not say what the streams were are refused where they are wrong", async () => {
    const bundle = prepare("exit 0");
    for (const [text, wanted] of [
      ["{", /descriptors\.json is not JSON/],
      [`"${"x".repeat(20_000)}"`, /descriptors\.json is not a list/],
    ] as const) {
      writeFileSync(join(images, "descriptors.json"), text);
      const { exitCode, stderr } = await command(cortenOci, line(bundle), { env });
      assert.equal(exitCode, 1);
      assert.match(stderr, wanted);
      assert.equal(existsSync(join(root, id)), false);
    }
    // No option of criu's hides in them.
    prepare("exit 0", undefined, 'pipe:[1]"\naction-script "/bin/sh');
    assert.equal((await command(cortenOci, line(bundle), { env })).exitCode, 0);
    assert.doesNotMatch(told(), /inherit-fd|action-script/);
  });
});

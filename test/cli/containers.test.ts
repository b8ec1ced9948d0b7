import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  corten,
  type HostSnapshot,
  isRoot,
  makeBusyboxImage,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../support/index.ts";

const IMAGE = "corten-test/busybox:1";

describe("containers", { skip: !isRoot, timeout: 180_000 }, () => {
  const scratch = temporaryDirectory("cli-containers");
  const global = ["--root", join(scratch.path, "data"), "--run-root", join(scratch.path, "run")];
  const run = (...args: string[]) => command(corten, [...global, ...args]);
  const must = (...args: string[]) => commandOutput(corten, [...global, ...args]);
  const script = (text: string, ...options: string[]) =>
    run("run", "--rm", ...options, IMAGE, "sh", "-c", text);
  let start: HostSnapshot;

  before(async () => {
    const archive = join(scratch.path, "busybox.tar");
    await makeBusyboxImage(archive, IMAGE);
    await must("load", "-q", "-i", archive);
    start = snapshotHost({ matching: new RegExp(`${scratch.path}|corten-test`) });
  });

  after(async () => {
    for (const id of (await must("ps", "-aq")).split("\n").filter(Boolean)) await run("rm", "-f", id);
    await assertNothingLeft(start);
    scratch[Symbol.dispose]();
  });

  describe("run in the foreground", () => {
    test("output, errors and input are the caller's, the exit code the command's", async () => {
      const { stdout, stderr, exitCode } = await script("echo out; echo err >&2; exit 7");
      assert.deepEqual([stdout, stderr, exitCode], ["out\n", "err\n", 7]);
      const piped = await command(corten, [...global, "run", "--rm", "-i", IMAGE, "cat"], {
        input: "through\n",
      });
      assert.deepEqual([piped.stdout, piped.exitCode], ["through\n", 0]);
      assert.equal((await script("sh -c 'kill -9 $$'; exit $?")).exitCode, 137);
    });

    test("125, 126 and 127 tell whose failure it was", async () => {
      const missing = await run("run", "--rm", IMAGE, "no-such-program");
      assert.equal(missing.exitCode, 127, missing.stderr);
      assert.match(missing.stderr, /^corten: .*no-such-program.*not found/m);
      assert.equal((await run("run", "--rm", IMAGE, "/etc/passwd")).exitCode, 126);
      assert.equal((await run("run", "--rm", "--pull", "never", "corten-test/nothing")).exitCode, 125);
      assert.equal(await must("ps", "-aq"), "");
    });

    test("options reach the container", async () => {
      const file = join(scratch.path, "variables");
      writeFileSync(file, "# comment\nFROM_FILE=a b\n");
      const { stdout } = await command(
        corten,
        [
          ...[...global, "run", "--rm", "-e", "A=1", "-e", "CALLER", "--env-file", file, "-w", "/tmp"],
          ...["-u", "nobody", "--hostname", "box", "--read-only", "--tmpfs", "/scratch:size=1m", "-m", "64m"],
          ...["--pids-limit", "10", "--cap-drop", "ALL", IMAGE, "sh", "-c"],
          'echo "$A $CALLER $FROM_FILE"; pwd; id -u; hostname; touch /x 2>/dev/null || echo read-only; ' +
            "touch /scratch/x && echo writable; grep CapEff /proc/self/status",
        ],
        { env: { CALLER: "from-caller" } },
      );
      const expected = [
        "1 from-caller a b",
        "/tmp",
        "65534",
        "box",
        "read-only",
        "writable",
        "CapEff:\t0000000000000000",
      ];
      assert.deepEqual(stdout.trimEnd().split("\n"), expected);
    });

    test("volumes: a host path, read-only or not, and a volume with a name", async () => {
      const folder = join(scratch.path, "shared");
      mkdirSync(folder, { recursive: true });
      const both = await script(
        "echo hi > /a/file; cat /b/file; touch /b/x || exit 3",
        "-v",
        `${folder}:/a`,
        "-v",
        `${folder}:/b:ro`,
      );
      assert.deepEqual([both.stdout, both.exitCode], ["hi\n", 3]);
      assert.ok(existsSync(join(folder, "file")));
      await script("echo kept > /data/file", "-v", "corten-cli-volume:/data");
      assert.equal((await script("cat /data/file", "-v", "corten-cli-volume:/data")).stdout, "kept\n");
    });

    test("--rootfs DIR:O runs in the host's files and leaves nothing in them", async () => {
      const trace = "/root/corten-cli-trace";
      const { stdout, exitCode, stderr } = await run(
        ...["run", "--rm", "--rootfs", "/:O", "--", "sh", "-c", `echo x > ${trace}; cat ${trace}; exit 4`],
      );
      assert.deepEqual([stdout, exitCode], ["x\n", 4], stderr);
      assert.ok(!existsSync(trace));
    });

    test("-it gives a terminal of the caller's size that follows it", async () => {
      await using terminal = await openTerminal(corten, [...global, "run", "--rm", "-it", IMAGE, "sh"], {
        rows: 31,
        columns: 99,
      });
      await terminal.waitFor("# ");
      terminal.type("stty size; tty\r");
      await terminal.waitFor("31 99");
      await terminal.waitFor("/dev/");
      terminal.resize(40, 120);
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.type("stty size\r");
      await terminal.waitFor("40 120");
      terminal.type("sleep 100\r");
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.type("\x03");
      terminal.type("exit 9\r");
      assert.equal(await terminal.exit, 9);
    });

    test("-it without a terminal is refused", async () => {
      const { exitCode, stderr } = await run("run", "--rm", "-it", IMAGE, "true");
      assert.equal(exitCode, 125);
      assert.match(stderr, /^corten: the input device is not a terminal/);
    });
  });

  test("a container's life in the background", async () => {
    const work = "trap 'echo bye; exit 5' TERM; echo ready; echo oops >&2; while :; do sleep 0.1; done";
    const id = await must("run", "-d", "--name", "life", "-l", "tier=test", IMAGE, "sh", "-c", work);
    assert.match(id, /^[0-9a-f]{64}$/);
    await waitFor("ready", async () => /ready/.test((await run("logs", "life")).stdout));

    const table = (await must("ps")).split("\n");
    assert.equal(table[0]?.replace(/ {2,}/g, "|"), "CONTAINER ID|IMAGE|COMMAND|CREATED|STATUS|NAMES");
    assert.match(
      table[1]!,
      new RegExp(`^${id.slice(0, 12)} +${IMAGE} +"sh -c trap 'echo by…" .* Up .* life$`),
    );
    const [listed] = JSON.parse(await must("ps", "--no-trunc", "--format", "json"));
    assert.deepEqual(
      [listed.ID, listed.Names, listed.State, listed.Labels],
      [id, "life", "running", { tier: "test" }],
    );
    assert.equal(await must("ps", "-q", "--filter", "label=tier=test"), id.slice(0, 12));
    assert.equal(await must("ps", "-q", "--filter", "name=other"), "");

    const logs = await run("logs", "life");
    assert.deepEqual([logs.stdout, logs.stderr], ["ready\n", "oops\n"]);
    assert.match(await must("logs", "-t", "-n", "1", "life"), /^(\d{4}-\d\d-\d\dT[\d:.]+Z ready)?$/);

    const inside = await run("exec", "-e", "A=b", "-w", "/tmp", "life", "sh", "-c", "echo $A; pwd; exit 3");
    assert.deepEqual([inside.stdout, inside.exitCode], ["b\n/tmp\n", 3]);
    assert.equal((await run("exec", "life", "no-such-program")).exitCode, 127);
    {
      await using terminal = await openTerminal(corten, [...global, "exec", "-it", "life", "sh"]);
      await terminal.waitFor("# ");
      terminal.type("stty size; exit 6\r");
      await terminal.waitFor("24 80");
      assert.equal(await terminal.exit, 6);
    }
    const [inspected] = JSON.parse(await must("inspect", "life"));
    assert.deepEqual([inspected.Id, inspected.State.Running], [id, true]);
    assert.equal(await must("inspect", "-f", "{{.State.Status}}", id.slice(0, 8)), "running");

    const twice = await run("run", "-d", "--name", "life", IMAGE, "true");
    assert.equal(twice.exitCode, 125);
    assert.match(twice.stderr, /life/);
    const early = await run("rm", "life");
    assert.equal(early.exitCode, 1);
    assert.match(early.stderr, /^corten: .*running/);

    const followed = run("logs", "-f", "life");
    const waited = run("wait", "life");
    assert.equal(await must("stop", "-t", "5", "life"), "life");
    assert.match((await followed).stdout, /^ready\nbye\n$/);
    assert.equal((await waited).stdout, "5\n");
    assert.match(await must("ps", "-a"), /Exited \(5\)/);
    assert.equal(await must("rm", "life"), "life");
    assert.equal((await run("rm", "life")).exitCode, 1);
    assert.equal((await run("rm", "-f", "life")).exitCode, 0);
  });

  test("create, start -a, kill, attach", async () => {
    const id = await must("create", "--name", "later", IMAGE, "sh", "-c", "echo started; exit 8");
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(await must("ps", "-a"), /Created/);
    const attached = await run("start", "-a", "later");
    assert.deepEqual([attached.stdout, attached.exitCode], ["started\n", 8]);
    await must("rm", "later");

    await must("run", "-d", "-i", "--name", "cat", IMAGE, "cat");
    const echoed = await command(corten, [...global, "attach", "cat"], { input: "over there\n" });
    assert.equal(echoed.stdout, "over there\n");
    await must("run", "-d", "--name", "victim", IMAGE, "sleep", "100");
    assert.equal(await must("kill", "-s", "USR1", "victim"), "victim");
    assert.equal(await must("kill", "victim"), "victim");
    assert.equal(await must("wait", "victim"), "137");
    assert.equal((await run("kill", "victim")).exitCode, 1);
    await must("rm", "-f", "victim", "cat");
  });

  test("a detached container of --rm goes by itself", async () => {
    await must("run", "-d", "--rm", "--name", "short", IMAGE, "true");
    await waitFor("its removal", async () => (await must("ps", "-aq", "--filter", "name=short")) === "");
  });

  test("an image in use is not removed", async () => {
    await must("run", "-d", "--name", "user", IMAGE, "sleep", "100");
    const refused = await run("rmi", IMAGE);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /in use by running container user/);
    await must("rm", "-f", "user");
  });

  test("completion knows the names of containers and images", async () => {
    await must("create", "--name", "completed", IMAGE, "true");
    assert.equal(await must("__complete", "--", "rm", "com"), `completed\t${IMAGE}, Created`);
    assert.equal(await must("__complete", "--", "stop", "com"), "");
    assert.match(await must("__complete", "--", "run", "-it", "corten-t"), new RegExp(`^${IMAGE}\timage$`));
    await must("rm", "completed");
  });

  test("the embedded image needs no network", async () => {
    const first = await run("run", "--rm", "corten/hello");
    assert.equal(first.exitCode, 0, first.stderr);
    assert.match(first.stdout, /Hello from a Corten container/);
    const second = await run("run", "--rm", "corten/hello");
    assert.deepEqual([second.stdout.split("\n")[0], second.stderr], [first.stdout.split("\n")[0], ""]);
  });

  test("system info: the runtimes that are here, and JSON", async () => {
    const info = JSON.parse(await must("system", "info", "--format", "json"));
    assert.equal(info.DefaultRuntime, "corten");
    assert.ok(info.Runtimes.some(({ name }: { name: string }) => name === "corten"));
    assert.match(await must("system", "info"), /Default Runtime: +corten/);
    assert.match(await must("info", "--format", "{{.CgroupVersion}} {{.Storage.erofs}}"), /^\S+ /);
  });
});

async function waitFor(what: string, done: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await done())) {
    assert.ok(Date.now() < deadline, `${what} did not come within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

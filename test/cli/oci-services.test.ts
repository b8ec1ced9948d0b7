import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  type BundleConfig,
  command,
  commandOutput,
  cortenOci,
  isRoot,
  makeBundle,
  temporaryDirectory,
} from "../support/index.ts";

const manager = join(import.meta.dirname, "service-manager.py");

/** Starts a mode of the service manager that listens; the answer is what it prints afterwards. */
async function listening(mode: string, path: string): Promise<{ readonly answer: Promise<string> }> {
  const child = spawn("python3", [manager, mode, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const closed = once(child, "close");
  while (!text.startsWith("ready\n")) await new Promise((resolve) => setTimeout(resolve, 5));
  return { answer: closed.then(() => text.slice("ready\n".length)) };
}

/** What service managers and supervisors hand to a runtime, and get from it. */
describe("corten-oci under a service manager", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-services");
  const state = join(scratch.path, "state");
  const words = (...args: string[]) => [cortenOci, "--root", state, ...args];
  const oci = (...args: string[]) => command(cortenOci, ["--root", state, ...args]);
  const must = (...args: string[]) => commandOutput(cortenOci, ["--root", state, ...args]);
  /** Without inherited pipes: what outlives the call would hold them open. */
  const detached = async (line: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { exitCode } = await command(
      "sh",
      ["-c", `"$@" </dev/null >/dev/null 2>${scratch.path}/errors`, "sh", ...line],
      { env },
    );
    assert.equal(exitCode, 0, readFileSync(join(scratch.path, "errors"), "utf8"));
  };
  const bundle = (name: string, script: string, change?: (config: BundleConfig) => void): string => {
    const path = join(scratch.path, name);
    makeBundle(path, ["sh", "-c", script], change);
    return path;
  };

  after(async () => {
    for (const id of (await must("list", "-q")).split("\n").filter(Boolean)) await oci("delete", "-f", id);
    scratch[Symbol.dispose]();
  });

  test("--pidfd-socket of create, run and exec gets a pidfd of the process", async () => {
    const path = bundle("pidfd", "sleep 100");
    const pidFile = join(scratch.path, "pid");
    const socket = (name: string) => join(scratch.path, `pidfd-${name}`);
    for (const [name, line] of [
      ["create", ["create", "-b", path]],
      ["run", ["run", "-d", "-b", path]],
    ] as const) {
      const { answer } = await listening("pidfd", socket(name));
      await detached(
        words(...line, "--pid-file", pidFile, "--pidfd-socket", socket(name), `cli-services-${name}`),
      );
      assert.equal(await answer, `pidfd ${readFileSync(pidFile, "utf8")}\n`);
    }
    const { answer } = await listening("pidfd", socket("exec"));
    await detached(
      words(
        ...["exec", "-d", "--pid-file", pidFile, "--pidfd-socket", socket("exec")],
        ...["cli-services-run", "sleep", "50"],
      ),
    );
    assert.equal(await answer, `pidfd ${readFileSync(pidFile, "utf8")}\n`);
    const { exitCode, stderr } = await oci(
      "run",
      "-b",
      path,
      "--pidfd-socket",
      "/no/such",
      "cli-services-no",
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /\/no\/such.*no such file or directory/);
    for (const id of ["create", "run"]) await must("delete", "-f", `cli-services-${id}`);
  });

  test("activated descriptors come first, those of --preserve-fds behind them, and none unasked", async () => {
    const show =
      "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; for f in 3 4 5; do cat <&$f && echo; done 2>&1";
    const path = bundle("activation", show);
    const run = words("run", "-b", path, "cli-services-fds");
    const both = await command("python3", [manager, "activate", "2", ...run]);
    assert.match(both.stdout, /^2 1 a:b\nfile 0\nfile 1\n.*5: Bad file descriptor/);
    const preserved = words("run", "-b", path, "--preserve-fds", "1", "cli-services-fds");
    const extra = await command("sh", [
      "-c",
      `exec 5<<E\nthird\nE\nexec python3 ${manager} activate 2 "$@"`,
      "sh",
      ...preserved,
    ]);
    assert.match(extra.stdout, /file 0\nfile 1\nthird\n/);
    const stray = await command("sh", [
      "-c",
      'exec 3</etc/passwd; LISTEN_FDS=1 LISTEN_PID=1 exec "$@"',
      "sh",
      ...run,
    ]);
    assert.match(stray.stdout, /^\n.*3: Bad file descriptor/);
  });

  test("a container that says READY=1 lets its service manager know, by run and by start", async () => {
    // busybox has no client for datagrams of unix sockets: the test says it in the container's place.
    const path = bundle("notify", "echo $NOTIFY_SOCKET; ls -l /run/notify; sleep 100");
    const say = (id: string) =>
      command("python3", [
        "-c",
        "import socket,sys,time\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n" +
          "for i in range(500):\n  try: s.sendto(b'STATUS=x\\nREADY=1\\nMAINPID=1', sys.argv[1]); break\n" +
          "  except OSError: time.sleep(.01)",
        join(state, id, "notify/notify.sock"),
      ]);
    for (const name of ["foreground", "detach", "start"]) {
      const id = `cli-services-${name}`;
      const socket = join(scratch.path, `notify-${name}`);
      const { answer } = await listening("notify", socket);
      const env = { NOTIFY_SOCKET: socket };
      if (name === "start") await detached(words("create", "-b", path, id), env);
      const line = {
        foreground: ["run", "-b", path, id],
        detach: ["run", "-d", "-b", path, id],
        start: ["start", id],
      }[name]!;
      const running = detached(words(...line), env);
      // In the foreground it ends with the container, which may be before anybody waits for it.
      running.catch(() => undefined);
      await say(id);
      const heard = await answer;
      const { pid } = JSON.parse(await must("state", id));
      assert.equal(heard, name === "foreground" ? "READY=1\n" : `READY=1\nMAINPID=${pid}\n`);
      if (name === "foreground") {
        await must("kill", id, "KILL");
        await assert.rejects(running);
      } else {
        await running;
        await must("delete", "-f", id);
      }
    }
    const { stdout } = await command(
      cortenOci,
      [
        "--root",
        state,
        "run",
        "-b",
        bundle("notify-env", "echo $NOTIFY_SOCKET; ls /run/notify; touch /run/notify/x"),
        "cli-services-env",
      ],
      {
        env: { NOTIFY_SOCKET: "/no/such/socket" },
      },
    );
    assert.equal(stdout, "/run/notify/notify.sock\nnotify.sock\n");
  });

  test("a container that ends without a word does not keep start waiting", async () => {
    const path = bundle("silent", "exit 0");
    const env = { NOTIFY_SOCKET: "/no/such/socket" };
    await detached(words("create", "-b", path, "cli-services-silent"), env);
    await detached(words("start", "cli-services-silent"), env);
    await must("delete", "cli-services-silent");
  });

  test("--config names another file", async () => {
    const path = bundle("config", "echo from elsewhere");
    const elsewhere = join(scratch.path, "elsewhere.json");
    renameSync(join(path, "config.json"), elsewhere);
    const { stdout } = await oci("run", "-b", path, "--config", elsewhere, "cli-services-config");
    assert.equal(stdout, "from elsewhere\n");
    const missing = await oci("run", "-b", path, "-f", "/no/such.json", "cli-services-config");
    assert.match(missing.stderr, /\/no\/such\.json/);
  });

  test("--cgroup-manager disabled makes no control groups, and refuses limits that would need them", async () => {
    const plain = bundle("disabled", "grep -c cli-services-disabled /proc/self/cgroup", (config) => {
      config.linux["resources"] = {};
    });
    const off = (path: string) =>
      command(cortenOci, [
        ...["--root", state, "--cgroup-manager", "disabled", "run", "-b", path, "cli-services-disabled"],
      ]);
    assert.equal((await off(plain)).stdout, "0\n");
    const limited = bundle("disabled-limit", "true", (config) => {
      config.linux["resources"] = { pids: { limit: 10 } };
    });
    const { exitCode, stderr } = await off(limited);
    assert.equal(exitCode, 1);
    assert.match(stderr, /\/linux\/resources\/pids/);
  });

  test("kill and delete with --regex mean every container that the expression matches", async () => {
    const path = bundle("regex", "trap 'exit 0' TERM; while :; do sleep .1; done");
    for (const name of ["a1", "a2", "b1"]) {
      const own = bundle(`regex-${name}`, "trap 'exit 0' TERM; while :; do sleep .1; done");
      await detached(words("run", "-d", "-b", own, `cli-services-re-${name}`));
    }
    assert.ok(existsSync(path));
    await must("kill", "--regex", "re-a[0-9]$", "KILL");
    for (let left = 200; left > 0; left--) {
      const list = JSON.parse(await must("list", "-f", "json")) as { id: string; status: string }[];
      const stopped = list.filter(({ status }) => status === "stopped").map(({ id }) => id);
      if (stopped.length === 2) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await must("delete", "--regex", "^cli-services-re-a");
    assert.equal(await must("list", "-q"), "cli-services-re-b1");
    const running = await oci("delete", "--regex", "re-b1");
    assert.match(running.stderr, /cannot delete container cli-services-re-b1 that is not stopped: running/);
    await must("delete", "--force", "--regex", "cli-services-re-");
    assert.match((await oci("kill", "--regex", "(", "KILL")).stderr, /--regex: .*regular expression/i);
  });

  test("exec: --cgroup by controller, --apparmor and --process-label are never left out in silence", async () => {
    const path = bundle("exec", "sleep 100");
    await detached(words("run", "-d", "-b", path, "cli-services-exec"));
    const groups = readFileSync("/proc/self/cgroup", "utf8");
    if (/:pids:/.test(groups)) {
      const missing = await oci("exec", "--cgroup", "pids:no/such", "cli-services-exec", "true");
      assert.equal(missing.exitCode, 255);
      assert.match(missing.stderr, /no\/such/);
    }
    const unknown = await oci("exec", "--cgroup", "nonsense:x", "cli-services-exec", "true");
    assert.match(unknown.stderr, /no group of controller nonsense/);
    for (const option of ["--apparmor", "--process-label"]) {
      const labelled = await oci("exec", option, "corten-no-such", "cli-services-exec", "true");
      assert.equal(labelled.exitCode, 255, option);
      assert.match(labelled.stderr, /apparmor|selinux/i);
    }
    await must("delete", "-f", "cli-services-exec");
  });

  test("--log file:, --log-level, and log daemons that are not there", async () => {
    const log = join(scratch.path, "levels.log");
    const failing = (level: string) =>
      command(cortenOci, ["--root", state, "--log", `file:${log}`, "--log-level", level, "state", "none"]);
    assert.equal((await failing("error")).exitCode, 1);
    assert.match(readFileSync(log, "utf8"), /level=error msg="container does not exist"\n$/);
    writeFileSync(log, "");
    const path = bundle("levels", "true");
    const debugging = ["--log", log, "--log-level", "debug", "run", "-b", path, "cli-services-levels"];
    assert.equal((await oci(...debugging)).exitCode, 0);
    assert.match(readFileSync(log, "utf8"), /level=debug msg="becoming/);
    assert.match((await oci("--log-level", "loud", "list")).stderr, /one of error, warning, info, debug/);
  });
});

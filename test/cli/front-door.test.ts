/**
 * The front door (native/front): a start that was seen twice is replayed without JavaScript, and everything that its
 * plan was made from is looked at again first. The tests put the door into an installation of their own whose `corten`
 * notes each call, so that they see which way a start went. The same tests run against the build with sanitizers.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { makeBuilds } from "../native/executor.ts";
import {
  type BundleConfig,
  bundleConfig,
  command,
  makeBundle,
  repository,
  temporaryDirectory,
} from "../support/index.ts";

const dist = join(repository, "dist");

before(() => makeBuilds("asan"));

for (const [name, program] of [
  ["corten-oci", join(dist, "corten-oci")],
  ["corten-oci under ASan", join(dist, "native/asan/corten-front")],
] as const) {
  describe(name, () => {
    const directory = temporaryDirectory("front-door");
    const scratch = directory.path;
    const installation = join(scratch, "installation");
    const calls = join(scratch, "calls");
    const bundle = join(scratch, "bundle");
    const root = join(scratch, "state");
    const plans = join(root, ".plans");
    const prefix = `front-${process.pid}-${name.length}`;
    const running: string[] = [];

    before(() => {
      mkdirSync(installation);
      mkdirSync(root, { mode: 0o700 });
      copyFileSync(program, join(installation, "corten-oci"));
      chmodSync(join(installation, "corten-oci"), 0o755);
      symlinkSync(join(dist, "native"), join(installation, "native"));
      const note = `#!/bin/bash\necho "$*" >> ${calls}\nexec -a corten-oci ${join(dist, "corten")} "$@"\n`;
      writeFileSync(join(installation, "corten"), note, { mode: 0o755 });
      makeBundle(bundle, ["/bin/sh", "-c", "echo out; exit 3"]);
    });
    beforeEach(() => {
      rmSync(plans, { recursive: true, force: true });
      rmSync(calls, { force: true });
      changeConfig(() => {});
    });
    after(async () => {
      for (const id of running) await oci("delete", "-f", id);
      directory[Symbol.dispose]();
    });

    const oci = (...args: string[]) => command(join(installation, "corten-oci"), ["--root", root, ...args]);
    /** For what leaves a process behind, which would hold pipes open. */
    const ociDetached = (...args: string[]) =>
      spawnSync(join(installation, "corten-oci"), ["--root", root, ...args], {
        stdio: "ignore",
        timeout: 20_000,
      }).status;
    const run = (id = `${prefix}-a`, ...options: string[]) => oci("run", "-b", bundle, ...options, id);
    const statusOf = async (id: string) =>
      (JSON.parse((await oci("state", id)).stdout) as { status: string }).status;
    /** How many of the calls since the last look went through JavaScript. */
    const viaJavaScript = () => {
      const count = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n").length : 0;
      rmSync(calls, { force: true });
      return count;
    };
    const changeConfig = (change: (config: BundleConfig) => void) => {
      const config = bundleConfig(["/bin/sh", "-c", "echo out; exit 3"]);
      change(config);
      writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
    };
    /** Makes the plan of a start known. */
    const learn = async (...options: string[]) => {
      for (let round = 0; round < 2; round++) await run(`${prefix}-l${round}`, ...options);
      assert.equal(viaJavaScript(), 2);
    };

    test("replays the third start, under any ID, with the same result and nothing left", async () => {
      await learn();
      for (const id of [`${prefix}-a`, `${prefix}-b`]) {
        const { exitCode, stdout, stderr } = await run(id);
        assert.deepEqual([exitCode, stdout, stderr], [3, "out\n", ""]);
      }
      assert.equal(viaJavaScript(), 0);
      assert.deepEqual(readdirSync(root).sort(), [".failures", ".plans"]);
      assert.deepEqual(readdirSync(join(root, ".failures")), []);
    });

    describe("start", () => {
      const created = (id: string, change: (config: BundleConfig) => void = () => {}) => {
        changeConfig((config) => {
          config.process["args"] = ["/bin/sleep", "100"];
          change(config);
        });
        running.push(id);
        assert.equal(ociDetached("create", "-b", bundle, id), 0);
        viaJavaScript();
        return id;
      };

      test("lets a created container run, once", async () => {
        const id = created(`${prefix}-start`);
        const started = await oci("start", id);
        assert.deepEqual([started.exitCode, started.stdout, started.stderr], [0, "", ""]);
        assert.equal(viaJavaScript(), 0);
        assert.equal(await statusOf(id), "running");
        viaJavaScript();
        const again = await oci("start", id);
        assert.equal(again.exitCode, 1);
        assert.match(again.stderr, /cannot start an already running container/);
        assert.equal(viaJavaScript(), 1);
      });

      test("is one caller's of many at once", async () => {
        const id = created(`${prefix}-race`);
        const results = await Promise.all(Array.from({ length: 8 }, () => oci("start", id)));
        const codes = results.map(({ exitCode }) => exitCode).sort();
        assert.deepEqual(codes, [0, 1, 1, 1, 1, 1, 1, 1]);
      });

      test("leaves hooks, and one that has ended, to JavaScript", async () => {
        const id = created(`${prefix}-hooks`, (config) => {
          config["hooks"] = { poststart: [{ path: "/bin/touch", args: ["touch", join(scratch, "hooked")] }] };
        });
        assert.equal((await oci("start", id)).exitCode, 0);
        assert.equal(viaJavaScript(), 1);
        assert.ok(existsSync(join(scratch, "hooked")));
        const ended = created(`${prefix}-ended`);
        await oci("kill", ended, "KILL");
        while ((await statusOf(ended)) !== "stopped") await pause(10);
        viaJavaScript();
        const late = await oci("start", ended);
        assert.equal(late.exitCode, 1);
        assert.match(late.stderr, /cannot start a container that has stopped/);
        assert.equal(viaJavaScript(), 1);
      });

      test("tells why the program could not be executed, where the caller's options say", async () => {
        const script = join(bundle, "rootfs/bin/broken");
        writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
        const id = created(`${prefix}-broken`, (config) => {
          config.process["args"] = ["/bin/broken"];
        });
        const log = join(scratch, "start.log");
        const { exitCode, stderr } = await oci("--log", log, "--log-format", "json", "start", id);
        assert.equal(exitCode, 1);
        assert.match(stderr, /\/bin\/broken.*no such file or directory/);
        assert.match(JSON.parse(readFileSync(log, "utf8").trim()).msg, /\/bin\/broken/);
        assert.deepEqual(
          readdirSync(join(root, ".failures")).filter((file) => file.startsWith("start-")),
          [],
        );
        assert.equal(await statusOf(id), "stopped");
      });
    });

    test("a replayed container has the state that a compiled one has", async () => {
      changeConfig(({ process }) => (process["args"] = ["/bin/sleep", "100"]));
      const pidFile = join(scratch, "pid");
      const states = [];
      for (const id of [`${prefix}-s1`, `${prefix}-s2`, `${prefix}-s3`]) {
        running.push(id);
        assert.equal(ociDetached("run", "-d", "-b", bundle, "--pid-file", `${pidFile}-${id}`, id), 0);
        const state = JSON.parse((await oci("state", id)).stdout) as Record<string, unknown>;
        assert.equal(readFileSync(`${pidFile}-${id}`, "utf8"), `${state["pid"]}`);
        assert.ok(
          Math.abs(Date.now() - Date.parse(state["created"] as string)) < 60_000,
          `${state["created"]}`,
        );
        assert.equal(state["id"], id);
        states.push({ ...state, id: "", pid: 0, created: "" });
      }
      assert.equal(viaJavaScript(), 2 + 3);
      assert.deepEqual(states[2], states[0]);
      const again = await oci("run", "-d", "-b", bundle, "--pid-file", pidFile, `${prefix}-s1`);
      assert.match(again.stderr, /container with given ID already exists/);
      for (const id of [`${prefix}-s1`, `${prefix}-s3`]) {
        assert.equal((await oci("delete", "-f", id)).exitCode, 0);
        assert.equal((await oci("state", id)).exitCode, 1);
      }
    });

    test("replays create as well; the container waits for start", async () => {
      for (let round = 0; round < 3; round++) {
        const id = `${prefix}-c${round}`;
        running.push(id);
        assert.equal(ociDetached("create", "-b", bundle, id), 0);
        assert.equal(await statusOf(id), "created");
        assert.equal((await oci("start", id)).exitCode, 0);
        for (let tries = 0; tries < 100 && (await statusOf(id)) !== "stopped"; tries++) await pause(20);
        assert.equal((await oci("delete", id)).exitCode, 0);
        const created = readFileSync(calls, "utf8")
          .split("\n")
          .filter((line) => line.includes(" create "));
        assert.equal(created.length, Math.min(round + 1, 2));
      }
    });

    test("compiles anew when the configuration, the root or a bind source changed", async () => {
      await learn();
      changeConfig((config) => (config.process["args"] = ["/bin/sh", "-c", "exit 4"]));
      assert.equal((await run()).exitCode, 4);
      assert.equal(viaJavaScript(), 1);

      const source = join(scratch, "source");
      mkdirSync(source);
      changeConfig(({ mounts }) =>
        mounts.push({ destination: "/mnt", source, type: "bind", options: ["bind"] }),
      );
      assert.equal((await run()).exitCode, 3);
      // The key had stayed, so this start's plan was stored at once.
      assert.equal((await run()).exitCode, 3);
      assert.equal(viaJavaScript(), 1);
      rmSync(source, { recursive: true });
      writeFileSync(source, "a file now");
      await run();
      assert.equal(viaJavaScript(), 1);
      rmSync(source);

      changeConfig(() => {});
      for (let round = 0; round < 3; round++) await run();
      renameSync(join(bundle, "rootfs"), join(bundle, "elsewhere"));
      symlinkSync("elsewhere", join(bundle, "rootfs"));
      viaJavaScript();
      const moved = await run();
      assert.equal(moved.exitCode, 3, moved.stderr);
      assert.equal(viaJavaScript(), 1);
      rmSync(join(bundle, "rootfs"));
      renameSync(join(bundle, "elsewhere"), join(bundle, "rootfs"));
    });

    test("tells why a replayed start failed, as a compiled one does", async () => {
      changeConfig((config) => (config.process["args"] = ["/bin/nothing"]));
      const results = [];
      for (let round = 0; round < 3; round++) results.push(await run());
      assert.deepEqual(results[2], results[0]);
      assert.equal(results[0]!.exitCode, 1);
      assert.match(results[2]!.stderr, /\/bin\/nothing/);
      // The report itself is JavaScript's, in the program that the failed start becomes.
      assert.equal(viaJavaScript(), 2);
      assert.deepEqual(readdirSync(join(root, ".failures")), []);
    });

    test("replays exec, and not in a container that is paused, gone or another one", async () => {
      changeConfig(({ process }) => (process["args"] = ["/bin/sleep", "100"]));
      const id = `${prefix}-e`;
      running.push(id);
      assert.equal(ociDetached("run", "-d", "-b", bundle, id), 0);
      const exec = (...words: string[]) => oci("exec", ...words, id, "/bin/sh", "-c", "echo $A; exit 7");
      viaJavaScript();
      for (let round = 0; round < 3; round++) {
        const { exitCode, stdout } = await exec("-e", "A=b");
        assert.deepEqual([exitCode, stdout], [7, "b\n"]);
      }
      assert.equal(viaJavaScript(), 2);
      const processFile = (name: string) => {
        const file = join(scratch, name);
        const { process } = bundleConfig(["/bin/sh", "-c", "exit 9"]);
        writeFileSync(file, JSON.stringify(process));
        return file;
      };
      for (const file of ["p1", "p2", "p3"].map(processFile)) {
        assert.equal((await oci("exec", "--process", file, id)).exitCode, 9);
      }
      assert.equal(viaJavaScript(), 2);
      // A pipe has its contents once: the front door must leave them to JavaScript.
      const words = ["--root", root, "exec", "--process", "/dev/stdin", id];
      const script = 'file=$1; shift; cat "$file" | "$@"';
      const corten = join(installation, "corten-oci");
      const piped = spawnSync("sh", ["-c", script, "sh", processFile("p4"), corten, ...words]);
      assert.equal(piped.status, 9, piped.stderr.toString());
      viaJavaScript();
      await oci("pause", id);
      viaJavaScript();
      const paused = await exec("-e", "A=b");
      assert.equal(paused.exitCode, 255);
      assert.match(paused.stderr, /paused/);
      await oci("resume", id);
      await exec("-e", "A=b");
      await exec("-e", "A=b");
      await oci("delete", "-f", id);
      viaJavaScript();
      assert.match((await exec("-e", "A=b")).stderr, /container does not exist/);
      assert.equal(viaJavaScript(), 1);
    });

    test("never replays what others could have written", async () => {
      await learn();
      chmodSync(plans, 0o770);
      assert.equal((await run()).exitCode, 3);
      assert.equal(viaJavaScript(), 1);
      chmodSync(plans, 0o700);
      const [slot] = readdirSync(plans);
      chmodSync(join(plans, slot!), 0o644);
      assert.equal((await run()).exitCode, 3);
      assert.equal(viaJavaScript(), 1);
    });

    test("takes a damaged plan for none", async () => {
      await learn();
      const file = join(plans, readdirSync(plans)[0]!);
      const whole = readFileSync(file);
      const damages = [whole.subarray(0, whole.length - 1), whole.subarray(0, 70), Buffer.from("cortenTP")];
      for (let at = 8; at < 64; at += 4) {
        const copy = Buffer.from(whole);
        copy.writeUInt32LE(0x7fff_fff8, at);
        damages.push(copy);
      }
      for (const damage of damages) {
        writeFileSync(file, damage, { mode: 0o600 });
        chmodSync(file, 0o600);
        const { exitCode, stderr } = await run();
        assert.deepEqual([exitCode, stderr], [3, ""]);
      }
      assert.equal(viaJavaScript(), damages.length);
    });

    test("leaves everything else to the whole command line, without Bun's variables", async () => {
      await learn();
      const env = { NOTIFY_SOCKET: "/nowhere", BUN_OPTIONS: "--print 1", BUN_BE_BUN: "1" };
      const withSocket = await command(join(installation, "corten-oci"), ["--version"], { env });
      assert.match(withSocket.stdout, /version/);
      assert.equal(viaJavaScript(), 1);
      for (const line of [
        ["run", "-b", bundle],
        ["run", "-b", bundle, "a", "b"],
        ["run", "-b", bundle, "."],
        ["run", "--unknown", "a"],
      ]) {
        assert.equal((await oci(...line)).exitCode, 1);
      }
      assert.equal(viaJavaScript(), 4);
    });
  });
}

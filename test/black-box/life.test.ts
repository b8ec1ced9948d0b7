import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Change, clauses } from "./harness/index.ts";

/** runtime.md, "Lifecycle" and "Operations"; the command line is runc's, which engines know. */
clauses("life", {
  "run gives the program's output and exit code, and leaves no container": {
    clause: "runtime.md, Lifecycle",
    action: async (box) => {
      const { stdout, stderr, exitCode } = await box.run(["sh", "-c", "echo hello; exit 3"]);
      assert.deepEqual([stdout, stderr, exitCode], ["hello\n", "", 3]);
      assert.deepEqual(JSON.parse((await box.must("list", "--format", "json")) || "null") ?? [], []);
    },
  },
  "create, start, kill and delete lead from created over running and stopped to nothing": {
    clause: "runtime.md, State and Operations",
    action: async (box) => {
      const pidFile = join(box.directory, "pid");
      const change: Change = (config) => {
        config["annotations"] = { "org.example": "x" };
      };
      box.configure(["sleep", "100"], change);
      writeFileSync(pidFile, "");
      const id = await box.create(["sleep", "100"], change, ["--pid-file", pidFile]);
      const created = await box.state(id);
      assert.deepEqual([created.id, created.status, created.bundle], [id, "created", box.bundle]);
      assert.deepEqual(created.annotations, { "org.example": "x" });
      assert.match(created.ociVersion, /^1\./);
      if (box.place !== "container") assert.equal(readFileSync(pidFile, "utf8"), `${created.pid}`);
      await box.must("start", id);
      const running = await box.state(id);
      assert.deepEqual([running.status, running.pid], ["running", created.pid]);
      await box.must("kill", id, "KILL");
      await box.stopped(id);
      await box.must("delete", id);
      assert.notEqual((await box.oci("state", id)).exitCode, 0);
    },
  },
  "create does not run the program; start does": {
    clause: "runtime.md, Create: the user-specified program MUST NOT be run at this time",
    action: async (box) => {
      const id = await box.create(["echo", "runs"]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(box.output(), "");
      await box.must("start", id);
      await box.stopped(id);
      assert.equal(box.output().includes("runs\n"), true);
    },
  },
  "changes of config.json after create are without effect": {
    clause:
      "runtime.md, Lifecycle 2: any updates to config.json after this step MUST NOT affect the container",
    action: async (box) => {
      const id = await box.create(["echo", "first"]);
      box.configure(["echo", "second"]);
      await box.must("start", id);
      await box.stopped(id);
      assert.match(box.output(), /^first$/m);
      assert.doesNotMatch(box.output(), /second/);
    },
  },
  "an ID is taken once": {
    clause: "runtime.md, Create: MUST generate an error if the ID is not unique",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      for (const command of ["create", "run"]) {
        const { exitCode } = await box.oci(command, "--bundle", box.bundle, id);
        assert.notEqual(exitCode, 0, command);
      }
      assert.equal((await box.state(id)).status, "running");
    },
  },
  "operations on a container that is not there are errors": {
    clause: "runtime.md, Operations",
    action: async (box) => {
      for (const command of ["state", "start", "kill", "delete"]) {
        const { exitCode, stderr } = await box.oci(command, box.id());
        assert.ok(exitCode > 0 && exitCode < 128, command);
        assert.notEqual(stderr, "", command);
      }
    },
  },
  "only a created container starts": {
    clause: "runtime.md, Start: MUST generate an error unless created, and have no effect",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      assert.notEqual((await box.oci("start", id)).exitCode, 0);
      assert.equal((await box.state(id)).status, "running");
      await box.must("kill", id, "KILL");
      await box.stopped(id);
      assert.notEqual((await box.oci("start", id)).exitCode, 0);
    },
  },
  "a stopped container takes no signal": {
    clause: "runtime.md, Kill: MUST generate an error unless created or running",
    action: async (box) => {
      const id = await box.start(["true"]);
      await box.stopped(id);
      assert.notEqual((await box.oci("kill", id, "TERM")).exitCode, 0);
    },
  },
  "a running container is not deleted": {
    clause: "runtime.md, Delete: MUST generate an error unless stopped, and have no effect",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      assert.notEqual((await box.oci("delete", id)).exitCode, 0);
      assert.equal((await box.state(id)).status, "running");
    },
  },
  "delete --force kills, and takes what is not there for done": {
    clause: "the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      await box.must("delete", "--force", id);
      await box.must("delete", "--force", id);
      assert.notEqual((await box.oci("state", id)).exitCode, 0);
    },
  },
  "delete --force takes groups that the container made in its own with it": {
    clause: "runtime.md, Delete: MUST delete the resources that were created during create",
    places: ["root"],
    action: async (box) => {
      const id = await box.start(["sleep", "100"], (config) => {
        (config.linux["namespaces"] as object[]).push({ type: "cgroup" });
        config.mounts.push({
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["rw"],
        });
      });
      const script =
        "set -e; for d in /sys/fs/cgroup/*/ /sys/fs/cgroup/; do [ -e $d/cgroup.procs ] || continue; mkdir -p $d/sub/below; " +
        "for f in cpuset.cpus cpuset.mems; do for g in sub sub/below; do " +
        "[ ! -e $d/$f ] || cat $d/$f > $d/$g/$f; done; done; echo $$ > $d/sub/cgroup.procs; " +
        "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > $d/sub/below/cgroup.procs || true; done; cat /proc/self/cgroup";
      const groups = await box.must("exec", "--cap", "CAP_DAC_OVERRIDE", id, "sh", "-c", script);
      assert.match(groups, /\/sub$/m);
      const { pid } = await box.state(id);
      const paths = readFileSync(`/proc/${pid}/cgroup`, "utf8");
      await box.must("delete", "--force", id);
      assert.notEqual((await box.oci("state", id)).exitCode, 0);
      for (const [, controllers, path] of paths.matchAll(/^\d+:(.*?):(\/.+)$/gm)) {
        const hierarchy = controllers === "" ? "unified" : controllers!.replace("name=", "");
        const directory = `/sys/fs/cgroup/${hierarchy}${path}`;
        if (path !== "/") assert.equal(existsSync(directory), false, directory);
      }
    },
  },
  "kill sends the signal that is named or numbered": {
    clause: "runtime.md, Kill",
    action: async (box) => {
      const script =
        "trap 'echo got one' USR1; trap 'echo got two; exit' USR2; echo ready; while :; do sleep .05; done";
      const id = await box.start(["sh", "-c", script]);
      const said = async (word: string) => {
        for (let left = 300; !box.output().includes(word); left--) {
          assert.ok(left > 0, `no ${word} in ${box.output()}`);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      await said("ready");
      await box.must("kill", id, "SIGUSR1");
      await said("got one");
      await box.must("kill", id, "12");
      await said("got two");
    },
  },
  "SIGKILL reaches what is left of a container that shares the host's PIDs": {
    clause: "the habit of runc: without a PID namespace nothing else would end those processes",
    places: ["root"],
    action: async (box) => {
      const pidFile = join(box.directory, "left");
      const id = await box.start(
        ["sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > /left"],
        (config) => {
          config.linux["namespaces"] = [{ type: "mount" }, { type: "uts" }];
          config.root["readonly"] = false;
          writeFileSync(pidFile, "");
          config.mounts.push({ destination: "/left", type: "bind", source: pidFile, options: ["bind"] });
        },
      );
      await box.stopped(id);
      const pid = (await box.written(pidFile)).trim();
      assert.ok(existsSync(`/proc/${pid}`));
      await box.must("kill", id, "KILL");
      for (let left = 300; existsSync(`/proc/${pid}`); left--) {
        assert.ok(left > 0, "it lives on");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.notEqual((await box.oci("kill", id, "KILL")).exitCode, 0);
      await box.must("delete", id);
    },
  },
  "list tells of containers as JSON, as IDs and as a table": {
    clause: "the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const { pid } = await box.state(id);
      const [listed] = JSON.parse(await box.must("list", "--format", "json"));
      assert.deepEqual(
        [listed.id, listed.pid, listed.status, listed.bundle],
        [id, pid, "running", box.bundle],
      );
      assert.equal(await box.must("list", "--quiet"), id);
      const table = (await box.must("list")).split("\n");
      assert.match(table[0]!, /^(?:ID|NAME) +PID +STATUS +BUNDLE/);
      assert.match(table[1]!, new RegExp(`^${id} +${pid} +running `));
    },
  },
  "exec runs a program beside, with its own variables, directory and exit code": {
    clause: "the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const script =
        "echo $A; pwd; test $$ != 1; readlink /proc/self/ns/pid; readlink /proc/1/ns/pid; exit 4";
      const { stdout, exitCode } = await box.oci(
        ...["exec", "--env", "A=b", "--cwd", "/tmp", id, "sh", "-c", script],
      );
      const lines = stdout.split("\n");
      assert.deepEqual([lines[0], lines[1], exitCode], ["b", "/tmp", 4]);
      assert.equal(lines[2], lines[3]);
    },
  },
  "exec takes no_new_privs, capabilities and user from --process": {
    clause: "config.md, Process; the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const file = join(box.directory, "process.json");
      const capabilities = { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] };
      const process = {
        ...{ terminal: false, user: { uid: 0, gid: 0 }, cwd: "/etc", env: ["PATH=/bin", "A=b"] },
        ...{ noNewPrivileges: true, capabilities },
        args: ["sh", "-c", "pwd; echo $A; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status"],
      };
      writeFileSync(file, JSON.stringify(process));
      const text = await box.must("exec", "--process", file, id);
      assert.match(text, /^\/etc\nb\nCapEff:\s+0*20\nNoNewPrivs:\s+1$/);
    },
  },
  "exec of what is not there, or in what does not run, is an error": {
    clause: "the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const { exitCode, stderr } = await box.oci("exec", id, "no-such-program");
      assert.notEqual(exitCode, 0);
      assert.match(stderr, /no-such-program/);
      await box.must("kill", id, "KILL");
      await box.stopped(id);
      assert.notEqual((await box.oci("exec", id, "true")).exitCode, 0);
    },
  },
  "pause stops every process, and resume lets them go on": {
    clause: "the command line of runc",
    places: ["root"],
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      await box.must("pause", id);
      assert.equal((await box.state(id)).status, "paused");
      assert.notEqual((await box.oci("exec", id, "true")).exitCode, 0);
      await box.must("resume", id);
      assert.equal((await box.state(id)).status, "running");
      await box.must("exec", id, "true");
    },
  },
  "ps tells the processes": {
    clause: "the command line of runc",
    places: ["root"],
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const { pid } = await box.state(id);
      assert.deepEqual(JSON.parse(await box.must("ps", "--format", "json", id)), [pid]);
      assert.match(await box.must("ps", id), /^UID .*\n.*sleep 100$/);
    },
  },
  "a program that is not there fails create and run, and leaves nothing": {
    clause: "runtime.md, Create: on failure the runtime MUST generate an error and not leave a container",
    action: async (box) => {
      await box.refuses(["no-such-program"], () => undefined, /no-such-program/);
      const { exitCode, stderr } = await box.run(["/no/such"]);
      assert.ok(exitCode > 0 && exitCode < 128);
      assert.match(stderr, /\/no\/such/);
    },
  },
  "a bundle without config.json, and one that is no JSON, are errors": {
    clause: "bundle.md: config.json MUST reside in the root of the bundle directory",
    action: async (box) => {
      const create = () => box.oci("create", "--bundle", box.bundle, box.id());
      assert.notEqual((await create()).exitCode, 0);
      writeFileSync(join(box.bundle, "config.json"), "{");
      assert.notEqual((await create()).exitCode, 0);
    },
  },
  "an ID that is a path is an error": {
    clause: "runtime.md, Create; what is made of an ID is a name in a directory",
    action: async (box) => {
      box.configure(["true"]);
      for (const id of ["../x", "a/b", "..", "."]) {
        assert.notEqual((await box.oci("create", "--bundle", box.bundle, id)).exitCode, 0, id);
      }
    },
  },
  "unknown fields are left alone": {
    clause: "config.md, Extensibility: MUST ignore unknown properties",
    action: async (box) => {
      const text = await box.shell("echo runs", (config) => {
        config["orgExampleUnknown"] = { a: 1 };
        config.linux["orgExampleUnknown"] = true;
        config.process["orgExampleUnknown"] = [];
      });
      assert.equal(text, "runs");
    },
  },
});

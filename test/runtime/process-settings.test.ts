import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch } from "../../src/runtime/index.ts";
import { type BundleConfig, isRoot } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

/** Nice value and policy of the reading process, by proc(5): fields 19 and 41 of its stat, from the state on 17 and 39. */
const REPORT =
  "sed 's/.*) //' /proc/self/stat | cut -d' ' -f17,39; ionice; " +
  "grep Cpus_allowed_list /proc/self/status | tr -d '\\t'; uname -m; head -n1 /proc/self/numa_maps | cut -d' ' -f2";

const settings = ({ process, linux }: BundleConfig) => {
  process["scheduler"] = { policy: "SCHED_BATCH", nice: 4 };
  process["ioPriority"] = { class: "IOPRIO_CLASS_BE", priority: 6 };
  process["execCPUAffinity"] = { initial: "1", final: "0" };
  process["user"] = { uid: 0, gid: 0, username: "nobody" };
  process["oomScoreAdj"] = 321;
  linux["personality"] = { domain: "LINUX32" };
  linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
};

const MACHINE = process.arch === "x64" ? "i686" : "armv8l";

describe("settings of a process", { skip: !isRoot }, () => {
  let containers: Containers;
  before(() => {
    containers = new Containers();
  });
  after(() => containers[Symbol.asyncDispose]());

  it("hold for the container's own process", async () => {
    const [policy, io, cpus, machine, memory] = (await containers.shell(REPORT, settings)).split("\n");
    assert.deepEqual([policy, io], ["4 3", "best-effort: prio 6"]);
    // execCPUAffinity is for exec alone.
    assert.match(cpus!, /^Cpus_allowed_list:0-/);
    assert.deepEqual([machine, memory], [MACHINE, "bind=static:0"]);
  });

  it("hold for one that is added, with its CPUs", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"], settings);
    await runtime.start(id);
    const run = (change: object) =>
      containers.capture((stdio) => launch(runtime.prepareExec(id, change), { stdio }));
    const { stdout } = await run({ args: ["/bin/sh", "-c", `${REPORT}; cat /proc/self/oom_score_adj`] });
    assert.deepEqual(stdout.trim().split("\n"), [
      "4 3",
      "best-effort: prio 6",
      "Cpus_allowed_list:0",
      MACHINE,
      "bind=static:0",
      "321",
    ]);
    const own = {
      user: { uid: 0, gid: 0 },
      cwd: "/",
      env: ["PATH=/bin"],
      args: ["/bin/sh", "-c", REPORT],
      scheduler: { policy: "SCHED_IDLE" },
      ioPriority: { class: "IOPRIO_CLASS_IDLE" },
      execCPUAffinity: { initial: "1" },
    };
    const other = (await run({ process: own })).stdout.trim().split("\n");
    assert.deepEqual([other[0], other[1]?.split(":")[0], other[3]], ["0 5", "idle", MACHINE]);
    await runtime.delete(id, { force: true });
  });

  it("CPUs of the caller are not those of the container or of what is added", async () => {
    const { runtime, bundle } = containers;
    const id = containers.id();
    const cpus = ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"];
    await launch(runtime.prepareCreate({ id, bundle, config: configure(["/bin/sleep", "100"]) }));
    await runtime.start(id);
    const prepared = runtime.prepareExec(id, { args: cpus });
    const taskset = ["taskset", "--cpu-list", "0", prepared.path, ...prepared.args.slice(1)];
    const { stdout } = await containers.capture((stdio) =>
      launch({ ...prepared, path: "/usr/bin/taskset", args: taskset }, { stdio }),
    );
    const all = await containers.run(cpus);
    assert.equal(stdout, all.stdout);
    assert.match(stdout, /0-/);
    await runtime.delete(id, { force: true });
  });

  it("an added capability becomes ambient where the container's process may inherit it, and never inheritable", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"], ({ process }) => {
      const own = ["CAP_KILL"];
      process["capabilities"] = { bounding: own, effective: own, permitted: own, inheritable: ["CAP_CHOWN"] };
      (process["capabilities"] as Record<string, string[]>)["bounding"] = ["CAP_KILL", "CAP_CHOWN"];
    });
    await runtime.start(id);
    const args = ["/bin/grep", "^Cap", "/proc/self/status"];
    const { stdout } = await containers.capture((stdio) =>
      launch(runtime.prepareExec(id, { args, capabilities: ["CAP_CHOWN", "CAP_SYSLOG"] }), { stdio }),
    );
    const sets = Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(":\t")),
    );
    assert.deepEqual(
      [sets.CapInh, sets.CapAmb].map((set) => Number.parseInt(set, 16)),
      [1, 1],
    );
    assert.equal(Number.parseInt(sets.CapPrm, 16), 2 ** 34 + 2 ** 5 + 1);
    await runtime.delete(id, { force: true });
  });

  it("are refused with the setting's name when the kernel refuses them", async () => {
    await assert.rejects(
      containers.run(["/bin/true"], ({ linux }) => {
        linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "1000" };
      }),
      { pointer: "/linux/memoryPolicy", message: /set_mempolicy/ },
    );
  });
});

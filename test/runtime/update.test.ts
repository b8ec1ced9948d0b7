import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { command, cortenOci, isRoot, makeBundle, temporaryDirectory } from "../support/index.ts";

/** The hierarchies of v1 that this machine mounts; on one with v2 alone test/vm asks the same of v2. */
const v1 = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");

describe("update and events on cgroup v1", { skip: !isRoot || !v1 }, () => {
  const scratch = temporaryDirectory("update");
  const id = `update-${process.pid}`;
  const group = (controller: string, file: string) =>
    readFileSync(`/sys/fs/cgroup/${controller}/corten-${id}/${controller}.${file}`, "utf8").trim();
  const oci = (args: readonly string[], input?: string) =>
    command(
      cortenOci,
      ["--root", join(scratch.path, "state"), ...args],
      input === undefined ? {} : { input },
    );
  const update = async (...args: string[]) => {
    const { exitCode, stderr } = await oci(["update", ...args, id]);
    assert.equal(exitCode, 0, stderr);
  };
  const refused = async (resources: unknown) => {
    const { exitCode, stderr } = await oci(["update", "--resources", "-", id], JSON.stringify(resources));
    assert.notEqual(exitCode, 0);
    return stderr;
  };
  const stored = () =>
    JSON.parse(readFileSync(join(scratch.path, "state", id, "state.json"), "utf8")).config.linux.resources;

  before(() => {
    makeBundle(join(scratch.path, "bundle"), ["sleep", "1000"], (config) => {
      config.linux["cgroupsPath"] = `/corten-${id}`;
      config.linux["resources"] = {
        devices: [{ allow: false, access: "rwm" }],
        memory: { limit: 64 << 20, swap: 64 << 20 },
        cpu: { shares: 100, quota: 10_000, period: 20_000 },
        pids: { limit: 50 },
      };
    });
    const words = [
      "--root",
      join(scratch.path, "state"),
      "run",
      "-d",
      "-b",
      join(scratch.path, "bundle"),
      id,
    ];
    execFileSync(cortenOci, words, { stdio: ["ignore", "ignore", "inherit"] });
  });
  after(async () => {
    await oci(["delete", "-f", id]);
    scratch[Symbol.dispose]();
  });

  it("lifts the limit of swap with that of memory, as runc does", async () => {
    await update("--memory", "-1");
    const unlimited = readFileSync("/sys/fs/cgroup/memory/memory.limit_in_bytes", "utf8").trim();
    assert.equal(group("memory", "limit_in_bytes"), unlimited);
    assert.equal(group("memory", "memsw.limit_in_bytes"), unlimited);
    assert.deepEqual([stored().memory.limit, stored().memory.swap], [-1, -1]);
    await update("--memory", `${64 << 20}`, "--memory-swap", `${64 << 20}`);
  });

  it("a start in a group that is frozen is refused, as it would never end", async () => {
    const path = `/corten-${id}-frozen`;
    const freezer = `/sys/fs/cgroup/freezer${path}`;
    const bundle = join(scratch.path, "frozen");
    makeBundle(bundle, ["true"], (config) => {
      config.linux["cgroupsPath"] = path;
    });
    mkdirSync(freezer);
    writeFileSync(join(freezer, "freezer.state"), "FROZEN");
    try {
      const { exitCode, stderr } = await oci(["run", "-b", bundle, `${id}-frozen`]);
      assert.equal(exitCode, 1);
      assert.match(stderr, /container's cgroup unexpectedly frozen: .*\nhint: write THAWED/);
    } finally {
      rmdirSync(freezer);
    }
  });

  it("changes what is named, in whatever order the kernel takes, and nothing else", async () => {
    await update("--memory", "128m", "--memory-swap", "256m", "--memory-reservation", "32m");
    assert.deepEqual(
      [group("memory", "limit_in_bytes"), group("memory", "memsw.limit_in_bytes")],
      [`${128 << 20}`, `${256 << 20}`],
    );
    await update("--memory", "16m", "--memory-swap", "32m");
    assert.deepEqual(
      [group("memory", "limit_in_bytes"), group("memory", "memsw.limit_in_bytes")],
      [`${16 << 20}`, `${32 << 20}`],
    );
    assert.equal(group("memory", "soft_limit_in_bytes"), `${32 << 20}`);
    await update(
      "--cpu-share",
      "512",
      "--cpu-quota",
      "50000",
      "--cpu-period",
      "100000",
      "--cpuset-cpus",
      "0",
    );
    assert.deepEqual(
      [group("cpu", "shares"), group("cpu", "cfs_quota_us"), group("cpu", "cfs_period_us")],
      ["512", "50000", "100000"],
    );
    assert.equal(group("cpuset", "cpus"), "0");
    await update("--pids-limit", "-1");
    assert.equal(group("pids", "max"), "max");
    const { memory, cpu, pids } = stored();
    assert.deepEqual(memory, { limit: 16 << 20, swap: 32 << 20, reservation: 32 << 20 });
    assert.deepEqual(cpu, { shares: 512, quota: 50_000, period: 100_000, cpus: "0" });
    assert.deepEqual(pids, { limit: -1 });
  });

  it("changes all or nothing, and names the setting that is refused", async () => {
    const before = stored();
    const text = await refused({
      memory: { limit: 48 << 20, swap: 48 << 20 },
      pids: { limit: 9 },
      cpu: { shares: 300, cpus: "4095" },
    });
    assert.match(text, /\/linux\/resources\/cpu\/cpus: cannot write/);
    assert.deepEqual(
      [group("memory", "limit_in_bytes"), group("memory", "memsw.limit_in_bytes"), group("pids", "max")],
      [`${16 << 20}`, `${32 << 20}`, "max"],
    );
    assert.equal(group("cpu", "shares"), "512");
    assert.deepEqual(stored(), before);
    assert.match(await refused({ memory: { limit: "x" } }), /memory\/limit must be an integer/);
    assert.match(await refused({ unified: { "memory.high": "1" } }), /is for cgroup v2/);
    assert.match(
      await refused({ memory: { checkBeforeUpdate: true, limit: 4096 } }),
      /is below what the container uses/,
    );
  });

  it("changes device rules, touching what differs", async () => {
    const list = () => group("devices", "list");
    const before = list();
    writeFileSync(
      join(scratch.path, "resources.json"),
      JSON.stringify({
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "b", major: 8, access: "r" },
        ],
      }),
    );
    await update("-r", join(scratch.path, "resources.json"));
    assert.equal(list(), `${before}\nb 8:* r`);
    await oci(["update", "-r", "-", id], JSON.stringify({ devices: [{ allow: true, access: "rwm" }] }));
    assert.equal(list(), "a *:* rwm");
    await oci(["update", "-r", "-", id], JSON.stringify({ devices: [{ allow: false, access: "rwm" }] }));
    assert.equal(list().split("\n").sort().join(), before.split("\n").sort().join());
  });

  it("tells statistics in runc's shape", async () => {
    const { stdout } = await oci(["events", "--stats", id]);
    const { type, id: about, data } = JSON.parse(stdout);
    assert.deepEqual([type, about], ["stats", id]);
    assert.ok(data.memory.usage.usage > 0 && data.memory.usage.limit === 16 << 20);
    assert.ok(data.cpu.usage.total > 0 && data.pids.current === 1);
    assert.deepEqual(data.cpuset.cpus, [0]);
    for (const name of [
      "cpu",
      "cpuset",
      "memory",
      "pids",
      "blkio",
      "hugetlb",
      "intel_rdt",
      "network_interfaces",
    ]) {
      assert.ok(name in data, name);
    }
  });

  it("tells of a kill for want of memory, and ends with the container", async () => {
    const watcher = spawn(cortenOci, [
      ...["--root", join(scratch.path, "state"), "events", "--interval", "200ms", id],
    ]);
    let text = "";
    watcher.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    const closed = new Promise((resolve) => watcher.once("close", resolve));
    const seen = async (pattern: RegExp) => {
      for (const end = Date.now() + 15_000; !pattern.test(text); ) {
        assert.ok(Date.now() < end, `no ${pattern} in ${text.slice(-500)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await seen(/"type":"stats"/);
    await oci(["exec", id, "sh", "-c", "tail /dev/zero"]);
    await seen(/"type":"oom"/);
    await oci(["kill", id, "KILL"]);
    assert.equal(await closed, 0);
    const { exitCode, stderr } = await oci(["update", "--pids-limit", "5", id]);
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /container not running/);
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch } from "../../src/runtime/index.ts";
import {
  assertNothingLeft,
  type BundleConfig,
  chownTree,
  type HostSnapshot,
  isRoot,
  snapshotHost,
} from "../support/index.ts";
import { Containers, type Outcome } from "./containers.ts";

const FIRST = 100_000;
const MAPPING = [{ containerID: 0, hostID: FIRST, size: 65_536 }];

type Namespace = { type: string; path?: string };

function inUserNamespace(config: BundleConfig): void {
  (config.linux["namespaces"] as Namespace[]).push({ type: "user" }, { type: "cgroup" });
  config.linux["uidMappings"] = MAPPING;
  config.linux["gidMappings"] = MAPPING;
}

describe("a container in a user namespace", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  let earlier: HostSnapshot;

  before(() => {
    earlier = snapshotHost({ matching: new RegExp(`rt-${process.pid}-`) });
    containers = new Containers();
    chownTree(join(containers.bundle, "rootfs"), FIRST, FIRST);
  });
  after(async () => {
    await containers[Symbol.asyncDispose]();
    await assertNothingLeft(earlier);
  });

  const exec = (id: string, args: readonly string[]): Promise<Outcome> =>
    containers.capture((stdio) => launch(containers.runtime.prepareExec(id, { args }), { stdio }));

  it("has the host's device nodes, its own terminals and the usual links", async () => {
    const text = await containers.shell(
      "for d in null zero full random urandom tty; do stat -c '%n %t:%T %u' /dev/$d; done; " +
        "echo x > /dev/null; head -c 3 /dev/zero | wc -c; readlink /dev/ptmx; mount | grep -c 'on /dev/pts '",
      inUserNamespace,
    );
    assert.match(text, /^\/dev\/null 1:3 65534\n/);
    assert.match(text, /\n3\npts\/ptmx\n1$/);
  });

  it("binds devices that the configuration lists, and refuses one that is another", async () => {
    const device = (minor: number) => (config: BundleConfig) => {
      inUserNamespace(config);
      config.linux["devices"] = [{ path: "/dev/zero", type: "c", major: 1, minor }];
    };
    await containers.shell("test -c /dev/zero", device(5));
    await assert.rejects(containers.run(["true"], device(3)), /is not the character device 1:3/);
  });

  it("shows the host's views of namespaces that it shares", async () => {
    const text = await containers.shell(
      "readlink /proc/self/ns/net; ls /sys/kernel | head -1; test -d /proc/1",
      (config) => {
        inUserNamespace(config);
        config.linux["namespaces"] = (config.linux["namespaces"] as Namespace[]).filter(
          ({ type }) => type !== "network" && type !== "pid",
        );
      },
    );
    assert.match(text, /^net:/);
  });

  it("can be entered, and joined by another container with PID and time namespaces", async () => {
    const id = await containers.create(["sleep", "100"], (config) => {
      inUserNamespace(config);
      config.linux["timeOffsets"] = { boottime: { secs: 1_000_000 } };
      (config.linux["namespaces"] as Namespace[]).push({ type: "time" });
    });
    await containers.runtime.start(id);
    const script =
      "id -u; cat /proc/self/uid_map; grep boottime /proc/self/timens_offsets; readlink /proc/self/ns/user";
    const inside = await exec(id, ["sh", "-c", script]);
    assert.equal(inside.exitCode, 0, inside.stderr);
    assert.match(inside.stdout, /^0\n\s+0\s+100000\s+65536\nboottime\s+1000000\s+0\nuser:/);
    const { pid } = containers.runtime.state(id);
    const join = (types: readonly string[]) => (config: BundleConfig) => {
      const files: Record<string, string> = { network: "net", mount: "mnt" };
      config.linux["namespaces"] = ["pid", "network", "ipc", "uts", "mount", "time", "user"]
        .filter((type) => type !== "time" || types.includes(type))
        .map((type) => ({
          type,
          ...(types.includes(type) ? { path: `/proc/${pid}/ns/${files[type] ?? type}` } : {}),
        }));
    };
    const pod = await containers.shell(
      "echo $$; readlink /proc/self/ns/user; test -d /sys/class/net/lo",
      join(["user", "network", "ipc", "uts"]),
    );
    assert.equal(pod, `1\n${inside.stdout.trim().split("\n").at(-1)}`);
    const shared = await containers.shell(
      "tr '\\0' ' ' < /proc/1/cmdline; echo; grep boottime /proc/self/timens_offsets",
      join(["user", "network", "ipc", "uts", "pid", "time"]),
    );
    assert.match(shared, /^sleep 100 \nboottime\s+1000000/);
  });

  it("records the process that the container is, not the one that made it", async () => {
    const id = await containers.create(["sleep", "100"], (config) => {
      inUserNamespace(config);
      config.linux["timeOffsets"] = { monotonic: { secs: 10 } };
      (config.linux["namespaces"] as Namespace[]).push({ type: "time" });
    });
    const { pid } = containers.runtime.state(id);
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^NSpid:\t\d+\t1$/m);
    await containers.runtime.delete(id, { force: true });
  });

  it("cannot mount without a mount namespace", async () => {
    const attempt = containers.run(["true"], (config) => {
      inUserNamespace(config);
      config.linux["namespaces"] = (config.linux["namespaces"] as Namespace[]).filter(
        ({ type }) => type !== "mount",
      );
    });
    await assert.rejects(attempt, { code: "invalid-argument", pointer: "/linux/namespaces" });
  });

  it("leaves out a group of terminals that is not mapped, and refuses an owner that matters", async () => {
    const few = (config: BundleConfig) => {
      inUserNamespace(config);
      const one = [{ containerID: 0, hostID: FIRST, size: 1 }];
      config.linux["uidMappings"] = one;
      config.linux["gidMappings"] = one;
    };
    await containers.shell("test -c /dev/pts/ptmx", few);
    const attempt = containers.run(["true"], (config) => {
      few(config);
      config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["uid=9"] });
    });
    await assert.rejects(attempt, { code: "invalid-argument", pointer: "/mounts/6/options" });
  });
});

describe("a container with clocks of its own", { skip: isRoot ? false : "needs root" }, () => {
  it("has them from its first moment, without a user namespace too", async () => {
    await using containers = new Containers();
    const text = await containers.shell("cat /proc/self/timens_offsets /proc/uptime", (config) => {
      (config.linux["namespaces"] as Namespace[]).push({ type: "time" });
      config.linux["timeOffsets"] = { boottime: { secs: 5_000_000, nanosecs: 3 } };
    });
    assert.match(text, /boottime\s+5000000\s+3/);
    assert.ok(Number(text.split("\n").at(-1)!.split(" ")[0]) > 5_000_000);
  });
});

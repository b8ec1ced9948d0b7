import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { RuntimeMount } from "../../spec/index.ts";
import type { CgroupPlan } from "../cgroup/layout.ts";
import { externalMounts, externalNamespaces, mountPoints, namespaceArguments } from "./external.ts";

const hierarchy = (version: 1 | 2, name: string) => ({
  version,
  controllers: version === 2 ? [] : name.split(","),
  mountpoint: version === 2 ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${name}`,
  directory: name,
  own: "/",
});
const group = (version: 1 | 2, name: string, path: string) => ({ hierarchy: hierarchy(version, name), path });
const unified: CgroupPlan = { mode: "unified", groups: [group(2, "cgroup", "/sys/fs/cgroup/x")] };
const legacy: CgroupPlan = {
  mode: "hybrid",
  groups: [
    group(1, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/x"),
    group(1, "pids", "/sys/fs/cgroup/pids/x"),
    group(2, "unified", "/sys/fs/cgroup/unified/x"),
  ],
};

describe("what criu finds again on restore", () => {
  const rootfs = mkdtempSync(join(tmpdir(), "corten-external-"));
  after(() => rmSync(rootfs, { recursive: true }));
  mkdirSync(join(rootfs, "real"));
  symlinkSync("/real", join(rootfs, "link"));
  symlinkSync("../../..", join(rootfs, "up"));
  symlinkSync("loop", join(rootfs, "loop"));
  const subject = (mounts: readonly RuntimeMount[], cgroups = legacy) => ({
    rootfs,
    cgroups,
    config: { ociVersion: "1.3.0", root: { path: "rootfs" }, mounts },
  });
  const bind = (destination: string, source = rootfs): RuntimeMount => ({
    destination,
    source,
    options: ["bind"],
  });

  it("is not told of by a name that reads as another mount's", () => {
    symlinkSync("a]:/etc", join(rootfs, "chosen"));
    for (const destination of ["/chosen", "/a]:/etc", "/line\nbreak"]) {
      assert.throws(() => externalMounts(subject([bind("/a"), bind(destination)]), "/bundle"), {
        code: "failed-precondition",
        message: /criu cannot be told of the mount on "\/(?:a\]|line)/,
      });
    }
  });

  it("is named by its place without symlinks, which never leave the root", () => {
    const places = (...paths: string[]) =>
      externalMounts(subject(paths.map((path) => bind(path))), "/").map(({ destination }) => destination);
    assert.deepEqual(places("/link/a", "/up/etc", "/missing/b"), ["/real/a", "/etc", "/missing/b"]);
    assert.throws(() => places("/loop/a"), { code: "invalid-argument" });
  });

  it("sources count from the bundle", () => {
    assert.deepEqual(externalMounts(subject([bind("/a", "data")]), "/bundle"), [
      { destination: "/a", source: "/bundle/data" },
    ]);
  });

  it("control groups are binds of the container's own: one, or one for each v1 hierarchy", () => {
    const mount = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" };
    assert.deepEqual(externalMounts(subject([mount], unified), "/"), [
      { destination: "/sys/fs/cgroup", source: "/sys/fs/cgroup/x" },
    ]);
    assert.deepEqual(externalMounts(subject([mount]), "/"), [
      { destination: "/sys/fs/cgroup/cpu,cpuacct", source: "/sys/fs/cgroup/cpu,cpuacct/x" },
      { destination: "/sys/fs/cgroup/pids", source: "/sys/fs/cgroup/pids/x" },
    ]);
  });

  it("mount points are made on the root and on bind sources, not on file systems of the images", () => {
    const mounts = [
      bind("/link/a"),
      bind("/data", join(rootfs, "real")),
      bind("/data/deep/b", join(rootfs, "none")),
      { destination: "/dev", type: "tmpfs", source: "tmpfs" },
      bind("/dev/x"),
    ];
    assert.deepEqual(mountPoints(subject(mounts), "/"), [
      { base: rootfs, path: "real/a", directory: true },
      { base: rootfs, path: "data", directory: true },
      { base: join(rootfs, "real"), path: "deep/b", directory: false },
    ]);
  });

  it("namespaces that have a path are left out of the images, under runc's names", () => {
    const namespaces = [
      { type: "pid", path: "/proc/self/ns/pid" },
      { type: "network", path: "/proc/self/ns/net" },
      { type: "uts" },
    ] as const;
    const config = { ...subject([]).config, linux: { namespaces } };
    assert.deepEqual(
      externalNamespaces(config).map(({ kind, key }) => `${kind} ${key}`),
      ["net extRootNetNS", "pid extRootPidNS"],
    );
    const inode = (name: string) => statSync(`/proc/self/ns/${name}`).ino;
    assert.deepEqual(namespaceArguments(config), [
      ...["--external", `net[${inode("net")}]:extRootNetNS`],
      ...["--external", `pid[${inode("pid")}]:extRootPidNS`],
    ]);
  });
});

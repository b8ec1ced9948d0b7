import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";

makeBuilds("all", "asan");

/** Operations that give the container section a tmpfs root with the host's /usr in it, as `$root`. */
function tmpfsRoot(scratch: string): Draft[] {
  mkdirSync(join(scratch, "root"), { recursive: true });
  const links = ["bin", "sbin", "lib", "lib64"].map(
    (path): Draft => ({ op: "makeSymlink", dir: "$root", path, target: `usr/${path}` }),
  );
  return [
    { op: "open", out: "$/", path: "/", flags: Kernel.O_PATH },
    { op: "setMountAttributes", target: "$/", recursive: 1, propagation: Kernel.MS_PRIVATE },
    { op: "openFilesystem", out: "$fs", type: "tmpfs" },
    { op: "configure", fs: "$fs", key: "mode", value: "755" },
    { op: "createMount", out: "$root", fs: "$fs" },
    { op: "open", out: "$at", path: join(scratch, "root"), flags: Kernel.O_PATH },
    { op: "moveMount", from: "$root", to: "$at" },
    ...links,
    { op: "resolve", out: "$usr", root: "$root", path: "usr", create: 1 },
    { op: "openTree", out: "$host usr", path: "/usr", flags: Kernel.OPEN_TREE_CLONE },
    {
      op: "setMountAttributes",
      target: "$host usr",
      set: Kernel.MOUNT_ATTR_RDONLY | Kernel.MOUNT_ATTR_NOSUID,
    },
    { op: "moveMount", from: "$host usr", to: "$usr" },
    { op: "resolve", out: "$proc", root: "$root", path: "proc", create: 1, directory: 1 },
    { op: "openFilesystem", out: "$fs", type: "proc" },
    { op: "configure", fs: "$fs", key: "source", value: "proc" },
    { op: "createMount", out: "$procfs", fs: "$fs" },
    { op: "verify", fd: "$procfs", kind: 2 },
    { op: "moveMount", from: "$procfs", to: "$proc" },
  ];
}

for (const { name, init } of builds) {
  describe(`mounts, ${name}`, { skip: !isRoot }, () => {
    const run = (scratch: string, container: readonly Draft[], flags = 0) =>
      runPlan(init, scratch, {
        host: foreground({ flags: Kernel.CLONE_NEWNS | Kernel.CLONE_NEWPID | flags }),
        container,
      });

    test("assembles a root, pivots into it, and leaves nothing in the host's mount table", () => {
      using scratch = temporaryDirectory("native");
      const before = readFileSync("/proc/self/mounts", "utf8");
      const result = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "privatizeParent", path: join(scratch.path, "root") },
        { op: "pivotRoot", root: "$root" },
        ...shell("pwd; echo $(ls /) $(cut -d' ' -f2 /proc/self/mounts); touch /usr/x || echo read-only"),
      ]);
      assert.equal(result.failure, undefined);
      assert.match(result.stderr, /Read-only file system/);
      assert.equal(result.stdout, "/\nbin lib lib64 proc sbin usr / /usr /proc\nread-only\n");
      assert.equal(readFileSync("/proc/self/mounts", "utf8"), before);
      assert.deepEqual(readdirSync(join(scratch.path, "root")), []);
    });

    test("maps a mount's owners by a user namespace of its own making", () => {
      using scratch = temporaryDirectory("native");
      const mapped = (uids: string) =>
        [
          { op: "openUserNamespace", out: "$users", uids, gids: "0 70 1\n" },
          { op: "openFilesystem", out: "$fs", type: "tmpfs" },
          { op: "createMount", out: "$mount", fs: "$fs" },
          { op: "setMountAttributes", target: "$mount", userns: "$users" },
          { op: "open", out: "$at", path: scratch.path, flags: Kernel.O_PATH },
          { op: "moveMount", from: "$mount", to: "$at" },
        ] satisfies Draft[];
      // Not in a new PID namespace: the host's /proc numbers the child.
      const run = (uids: string) =>
        runPlan(init, scratch.path, {
          host: foreground({ flags: Kernel.CLONE_NEWNS }),
          container: [
            { op: "open", out: "$/", path: "/", flags: Kernel.O_PATH },
            { op: "setMountAttributes", target: "$/", recursive: 1, propagation: Kernel.MS_PRIVATE },
            ...mapped(uids),
            ...shell(`stat -c %u:%g ${scratch.path}`),
          ],
        });
      assert.deepEqual([run("0 60 1\n").failure, run("0 60 1\n").stdout], [undefined, "60:70\n"]);
      assert.match(run("0 60\n").failure!.message, /^write\(AT_FDCWD, "\/proc\/\d+\/uid_map", .*EINVAL/);
    });

    test("changes the file system of a mount that is there", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "pickFilesystem", out: "$fs", target: "$root" },
        { op: "configure", fs: "$fs", key: "size", value: "64k" },
        { op: "reconfigure", fs: "$fs" },
        { op: "moveRoot", root: "$root" },
        ...shell("grep ' / / ' /proc/self/mountinfo"),
      ]);
      assert.deepEqual(result.failure, undefined);
      assert.match(result.stdout, /size=64k/);
    });

    test("moves the root without pivot_root, and changes it without a mount namespace", () => {
      using scratch = temporaryDirectory("native");
      const moved = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "moveRoot", root: "$root" },
        ...shell("pwd; ls /"),
      ]);
      assert.equal(moved.stdout, "/\nbin\nlib\nlib64\nproc\nsbin\nusr\n");
      const changed = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "changeRoot", root: "$root" },
        ...shell("pwd; ls /usr/../.."),
      ]);
      assert.equal(changed.stdout, moved.stdout);
    });

    test("masks files and directories, protects trees, and leaves alone what is not there", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "open", out: "$null", path: "/dev/null", flags: Kernel.O_PATH },
        { op: "verify", fd: "$null", kind: 1, major: 1, minor: 3 },
        { op: "openFilesystem", out: "$fs", type: "tmpfs" },
        { op: "createMount", out: "$empty", fs: "$fs", attributes: Kernel.MOUNT_ATTR_RDONLY },
        { op: "mask", root: "$root", path: "proc/version", file: "$null", directory: "$empty" },
        { op: "mask", root: "$root", path: "proc/irq", file: "$null", directory: "$empty" },
        { op: "mask", root: "$root", path: "proc/bus", file: "$null", directory: "$empty" },
        { op: "mask", root: "$root", path: "proc/none", file: "$null", directory: "$empty" },
        { op: "mask", root: "$root", path: "proc/uptime/none", file: "$null", directory: "$empty" },
        { op: "protect", root: "$root", path: "proc/sys" },
        { op: "protect", root: "$root", path: "proc/none" },
        { op: "pivotRoot", root: "$root" },
        ...shell(
          "stat -c %t:%T /proc/version; ls -A /proc/irq /proc/bus; touch /proc/bus/x; echo 1 > /proc/sys/kernel/printk",
        ),
      ]);
      assert.equal(result.failure, undefined);
      assert.equal(result.stdout, "1:3\n/proc/bus:\n\n/proc/irq:\n");
      assert.equal(result.stderr.match(/Read-only file system/g)?.length, 2);
    });

    test("covers what a link in the root points at, inside the root", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        ...tmpfsRoot(scratch.path),
        { op: "makeSymlink", dir: "$root", path: "link", target: "/proc/version" },
        { op: "open", out: "$null", path: "/dev/null", flags: Kernel.O_PATH },
        { op: "mask", root: "$root", path: "link", file: "$null", directory: "$null" },
        { op: "pivotRoot", root: "$root" },
        ...shell("stat -c %t:%T /proc/version"),
      ]);
      assert.equal(result.stdout, "1:3\n");
    });

    test("says what the file system says about a wrong option", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        { op: "openFilesystem", out: "$tmpfs", type: "tmpfs" },
        { op: "configure", fs: "$tmpfs", key: "ro" },
        { op: "configure", fs: "$tmpfs", key: "colour", value: "red", at: "/mounts/0/options" },
      ]);
      assert.equal(result.failure?.at, "/mounts/0/options");
      assert.match(
        result.failure!.message,
        /^fsconfig\(\[\d+\]<tmpfs>, FSCONFIG_SET_STRING, "colour", "red"\): EINVAL \(tmpfs: Unknown parameter 'colour'\)$/,
      );
      const type = run(scratch.path, [{ op: "openFilesystem", out: "$x", type: "nosuchfs" }]);
      assert.equal(type.failure?.message, 'fsopen("nosuchfs"): ENODEV');
    });

    test("passes descriptors to a file system, and mounts an overlay by them", () => {
      using scratch = temporaryDirectory("native");
      for (const path of ["lower", "upper", "work"]) mkdirSync(join(scratch.path, path));
      writeFileSync(join(scratch.path, "lower/file"), "below");
      const directory = (path: string): Draft[] => [
        { op: "open", out: `$${path}`, path: join(scratch.path, path), flags: Kernel.O_PATH },
        {
          op: "configureDescriptor",
          fs: "$overlay",
          key: path === "lower" ? "lowerdir+" : `${path}dir`,
          fd: `$${path}`,
        },
      ];
      const result = run(scratch.path, [
        { op: "openFilesystem", out: "$overlay", type: "overlay" },
        ...["lower", "upper", "work"].flatMap(directory),
        { op: "createMount", out: "$merged", fs: "$overlay" },
        { op: "resolve", out: "$new", root: "$merged", path: "new", create: 2, mode: 0o600 },
        { op: "resolve", out: "$file", root: "$merged", path: "file" },
        { op: "setOwner", fd: "$file", mode: 0o604 },
        ...shell("true"),
      ]);
      assert.equal(result.failure, undefined);
      assert.deepEqual(readdirSync(join(scratch.path, "upper")).sort(), ["file", "new"]);
    });

    test("an attribute set on a detached mount holds when it is attached (CVE-2026-115521)", () => {
      using scratch = temporaryDirectory("native");
      mkdirSync(join(scratch.path, "source/below"), { recursive: true });
      mkdirSync(join(scratch.path, "target"));
      const result = run(scratch.path, [
        {
          op: "openTree",
          out: "$source",
          path: join(scratch.path, "source"),
          flags: 1 | Kernel.AT_RECURSIVE,
        },
        { op: "setMountAttributes", target: "$source", recursive: 1, set: Kernel.MOUNT_ATTR_RDONLY },
        { op: "open", out: "$target", path: scratch.path, flags: Kernel.O_PATH },
        { op: "moveMount", from: "$source", to: "$target", path: "target" },
        ...shell(`touch ${scratch.path}/target/below/x`),
      ]);
      assert.match(result.stderr, /Read-only/);
      const busy = run(scratch.path, [
        { op: "open", out: "$target", path: join(scratch.path, "target"), flags: Kernel.O_PATH },
        { op: "moveMount", from: "$target", to: "$target", at: "/mounts/1" },
      ]);
      assert.match(busy.failure!.message, /^move_mount\(\[\d+\]<target>, "", \[\d+\]<target>, ""\): EINVAL$/);
    });

    test("a mount over a link of the root goes where the link points inside it (CVE-2019-18837)", () => {
      using scratch = temporaryDirectory("native");
      const canary = join(scratch.path, "canary");
      mkdirSync(canary);
      mkdirSync(join(scratch.path, "image"));
      symlinkSync(canary, join(scratch.path, "image/data"));
      const result = run(scratch.path, [
        { op: "openTree", out: "$image", path: join(scratch.path, "image"), flags: Kernel.OPEN_TREE_CLONE },
        { op: "resolve", out: "$data", root: "$image", path: "data", create: 1 },
        { op: "openFilesystem", out: "$fs", type: "tmpfs" },
        { op: "createMount", out: "$tmpfs", fs: "$fs" },
        ...shell("true"),
      ]);
      assert.equal(result.failure, undefined);
      assert.deepEqual(readdirSync(canary), []);
      assert.ok(existsSync(join(scratch.path, "image", canary)));
    });
  });
}

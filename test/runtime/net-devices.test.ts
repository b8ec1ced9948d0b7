import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { bundleConfig, isRoot, makeBusyboxRootfs, repository, temporaryDirectory } from "../support/index.ts";

const SETUP = [
  "set -e",
  "ip link add host0 type veth peer name far0",
  "ip link set far0 up",
  "ip addr add 10.7.0.2/24 dev host0",
  "ip addr add fd00:7::2/64 dev host0 nodad",
  "ip link set host0 up",
  "set +e",
].join("\n");

/** Runs a bundle with the devices in a network namespace of its own, then `ip addr` there. */
function run(args: readonly string[], netDevices: object, change: Record<string, unknown> = {}) {
  using scratch = temporaryDirectory("net-devices");
  const bundle = join(scratch.path, "bundle");
  mkdirSync(bundle);
  makeBusyboxRootfs(join(bundle, "rootfs"));
  const config = bundleConfig(args);
  const linux = { ...config.linux, netDevices };
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, linux, ...change }));
  const script = join(scratch.path, "script");
  const oci = `${join(repository, "dist/corten-oci")} --root ${join(scratch.path, "state")}`;
  const id = `net-${process.pid}`;
  writeFileSync(
    script,
    `${SETUP}\n${oci} run --bundle ${bundle} ${id}\necho "= $?"\nip -o addr show dev host0\n`,
  );
  return spawnSync("unshare", ["-n", "sh", script], { encoding: "utf8", timeout: 30_000 });
}

describe("network devices of the host", { skip: !isRoot }, () => {
  it("go into the container under another name with their addresses, and come back", () => {
    const { stdout, stderr } = run(["/bin/sh", "-c", "ip addr show dev eth0"], { host0: { name: "eth0" } });
    const [inside, after] = stdout.split("= 0\n") as [string, string];
    assert.match(inside, /eth0@if\d+: <[^>]*\bUP\b/, stdout + stderr);
    assert.match(inside, /inet 10\.7\.0\.2\/24/);
    assert.match(inside, /inet6 fd00:7::2\/64/);
    assert.match(after, /10\.7\.0\.2\/24/);
    assert.match(after, /fd00:7::2\/64/);
  });

  it("come back when the container cannot be made", () => {
    const hooks = { createRuntime: [{ path: "/bin/false" }] };
    const { stdout, stderr } = run(["/bin/true"], { host0: { name: "eth0" } }, { hooks });
    assert.match(stderr, /\/bin\/false/);
    assert.match(stdout, /= 1\n[\s\S]*10\.7\.0\.2\/24/);
  });

  it("are named when there are none", () => {
    const { stdout, stderr } = run(["/bin/true"], { none0: {} });
    assert.match(stderr, /none0/);
    assert.match(stdout, /= 1\n[\s\S]*10\.7\.0\.2\/24/);
  });

  it("leave no trace on this machine", () => {
    assert.doesNotMatch(execFileSync("ip", ["-o", "link"], { encoding: "utf8" }), /host0|far0/);
  });
});

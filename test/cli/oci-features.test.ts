import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type BundleConfig,
  bundleConfig,
  command,
  commandOutput,
  cortenOci,
  makeBundle,
  temporaryDirectory,
} from "../support/index.ts";

const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** What `features` says beside what a start of a bundle with the setting really comes to. */
describe("corten-oci features", { timeout: 60_000 }, async () => {
  const scratch = temporaryDirectory("cli-features");
  const bundle = join(scratch.path, "bundle");
  makeBundle(bundle, ["true"]);
  const features = JSON.parse(await commandOutput(cortenOci, ["features"]));
  const { linux } = features;

  /** True when the bundle with `change` gets a plan; what is not supported must be said so, by name. */
  const works = async (change: (config: BundleConfig) => void): Promise<boolean> => {
    const config = bundleConfig(["true"]);
    config.linux["resources"] = {};
    change(config);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
    const { exitCode, stderr } = await command(cortenOci, ["plan", bundle]);
    // What this machine lacks says nothing of the program.
    if (/this (?:kernel|host) has no /.test(stderr)) return true;
    if (exitCode !== 0) assert.match(stderr, /config\.json: \/.*(not supported|unknown|must be)/);
    return exitCode === 0;
  };
  const inLinux = (fields: object) => (config: BundleConfig) => Object.assign(config.linux, fields);
  const inProcess = (fields: object) => (config: BundleConfig) => Object.assign(config.process, fields);

  const settings: ReadonlyArray<readonly [string, boolean, (config: BundleConfig) => void]> = [
    ["apparmor", linux.apparmor.enabled, inProcess({ apparmorProfile: "a-profile" })],
    ["selinux", linux.selinux.enabled, inProcess({ selinuxLabel: "u:r:t:s0" })],
    ["intelRdt", linux.intelRdt.enabled, inLinux({ intelRdt: { closID: "group" } })],
    ["netDevices", linux.netDevices.enabled, inLinux({ netDevices: { eth9: { name: "lan9" } } })],
    [
      "memoryPolicy",
      linux.memoryPolicy !== undefined,
      inLinux({ memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } }),
    ],
    [
      "id-mapped mounts",
      linux.mountExtensions.idmap.enabled,
      (config) =>
        config.mounts.push(
          Object.assign(
            { destination: "/mnt", type: "bind", source: bundle, options: ["bind"] },
            { uidMappings: mapping, gidMappings: mapping },
          ),
        ),
    ],
    [
      "user namespaces",
      linux.namespaces.includes("user"),
      inLinux({
        namespaces: [{ type: "user" }, { type: "mount" }, { type: "pid" }, { type: "uts" }],
        uidMappings: mapping,
        gidMappings: mapping,
      }),
    ],
    [
      "seccomp notification",
      linux.seccomp.actions.includes("SCMP_ACT_NOTIFY"),
      inLinux({
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: "/run/agent",
          syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
        },
      }),
    ],
  ];
  for (const [name, advertised, change] of settings) {
    test(`${name}: ${advertised ? "advertised, and taken" : "not advertised, and refused"}`, async () => {
      assert.equal(await works(change), advertised);
    });
  }

  test("every advertised mount option, namespace and seccomp value is taken", async () => {
    const { mountOptions } = features as { mountOptions: string[] };
    const special = /idmap|copy-symlink|nofollow$|remount|tmpcopyup|unbindable|shared|slave|private/;
    const options = mountOptions.filter((option) => !special.test(option));
    const types = linux.namespaces.filter((type: string) => type !== "user");
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      flags: linux.seccomp.supportedFlags.filter(
        (flag: string) => !/LISTENER|WAIT_KILLABLE|ESRCH/.test(flag),
      ),
      architectures: linux.seccomp.archs,
      syscalls: linux.seccomp.actions
        .filter((action: string) => action !== "SCMP_ACT_NOTIFY")
        .map((action: string, index: number) => ({ names: [["mkdir", "rmdir"][index % 2]], action })),
    };
    const taken = await works((config) => {
      config.mounts.push({
        destination: "/mnt",
        type: "bind",
        source: bundle,
        options: ["bind", ...options],
      });
      config.linux["namespaces"] = types.map((type: string) => ({ type }));
      config.linux["seccomp"] = profile;
    });
    assert.equal(taken, true);
  });
});

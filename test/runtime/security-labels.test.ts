import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSecurityModules } from "../../src/host/index.ts";
import { compileLaunch, formatPlan } from "../../src/runtime/index.ts";
import { isRoot } from "../support/index.ts";
import { Containers } from "./containers.ts";
import { config, hostFacts, launchInput } from "./launch-input.ts";
import { RecordingDouble } from "./recording-double.ts";

const LABEL = "system_u:system_r:container_t:s0:c1,c2";
const MOUNTS = "system_u:object_r:container_file_t:s0:c1,c2";

function launch(security: { apparmor: boolean; selinux: boolean }, change: Parameters<typeof config>[0]) {
  return compileLaunch(launchInput({ host: { ...hostFacts(), security }, config: config(change) })).plan;
}

const base = config();
const all = { apparmor: true, selinux: true };
const none = { apparmor: false, selinux: false };

describe("security labels", () => {
  it("open their files before anything is mounted, and write them before the program", () => {
    const plan = launch(all, {
      process: { ...base.process!, apparmorProfile: "box", selinuxLabel: LABEL },
      linux: { ...base.linux, mountLabel: MOUNTS },
    });
    const operations = plan.sections.container;
    const at = (pointer: string) => operations.filter((operation) => operation.at === pointer);
    assert.deepEqual(
      at("/process/apparmorProfile").map((operation) =>
        operation.op === "open" ? operation.path : operation.op === "writeDescriptor" ? operation.data : "",
      ),
      ["self/attr/apparmor/exec", "exec box"],
    );
    assert.deepEqual(
      at("/process/selinuxLabel").map((operation) =>
        operation.op === "open" ? operation.path : operation.op === "writeDescriptor" ? operation.data : "",
      ),
      ["self/attr/keycreate", LABEL, "self/attr/exec", LABEL],
    );
    const index = (test: (operation: (typeof operations)[number]) => boolean) => operations.findIndex(test);
    const verified = index(({ op }) => op === "verify");
    assert.ok(verified < index(({ op }) => op === "joinKeyring"));
    assert.ok(verified < index(({ op }) => op === "openFilesystem"));
    const written = operations.findLastIndex(({ op }) => op === "writeDescriptor");
    assert.ok(index(({ op }) => op === "pivotRoot") < written);
    assert.ok(written < index(({ op }) => op === "dropBounding"));
    const labelled = at("/linux/mountLabel").filter(({ op }) => op === "configure");
    const types = base.mounts!.filter(({ type }) => type === "tmpfs" || type === "devpts");
    assert.equal(labelled.length, types.length, formatPlan(plan));
    const allowed = { hostWrites: ["/run/corten/oci/box", "/sys/fs/cgroup"], place: "/bundle/rootfs" };
    assert.deepEqual(new RecordingDouble(plan, allowed).violations, []);
  });

  const settings = [
    ["/process/apparmorProfile", { process: { ...base.process!, apparmorProfile: "box" } }],
    ["/process/selinuxLabel", { process: { ...base.process!, selinuxLabel: LABEL } }],
    ["/linux/mountLabel", { linux: { ...base.linux, mountLabel: MOUNTS } }],
  ] as const;
  for (const [pointer, change] of settings) {
    it(`refuses ${pointer} on a kernel without its module`, () => {
      assert.throws(() => launch(none, change), {
        code: "failed-precondition",
        pointer,
        message: /this kernel has no (?:AppArmor|SELinux)/,
      });
    });
  }

  it("takes the profile unconfined for what it is without AppArmor", () => {
    const process = { ...base.process!, apparmorProfile: "unconfined" };
    const unlabelled = (security: typeof all) =>
      launch(security, { process }).sections.container.every(({ op }) => op !== "writeDescriptor");
    assert.deepEqual([unlabelled(none), unlabelled(all)], [true, false]);
  });

  it("does on this machine what its kernel can do", { skip: !isRoot }, async () => {
    await using containers = new Containers();
    const { apparmor, selinux } = readSecurityModules();
    const run = (field: string, value: string) =>
      containers.run(["/bin/true"], ({ process }) => {
        process[field] = value;
      });
    const missing = { code: "failed-precondition" };
    if (!apparmor) await assert.rejects(run("apparmorProfile", "box"), missing);
    else
      await assert.rejects(run("apparmorProfile", "no-such-profile"), {
        pointer: "/process/apparmorProfile",
      });
    if (!selinux) await assert.rejects(run("selinuxLabel", LABEL), missing);
    else await assert.rejects(run("selinuxLabel", "no:such"), { pointer: "/process/selinuxLabel" });
  });
});

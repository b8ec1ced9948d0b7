import assert from "node:assert/strict";
import { attack, type Change, type Lab, wasRefused } from "./harness/index.ts";

/** Tries to make a control group in every place where one can be seen. */
const script =
  'for d in $(awk "/ - cgroup2? /{print \\$5}" /proc/self/mountinfo); do mkdir $d/cve-evil && echo WRITTEN $d && rmdir $d/cve-evil; done; echo done';

async function assertNoneIsMade(lab: Lab, change: Change): Promise<void> {
  const outcome = await lab.run(["sh", "-c", script], change);
  if (!wasRefused(outcome)) assert.equal(outcome.stdout, "done\n");
}

const shareCgroups: Change = ({ linux, mounts, process }) => {
  linux["namespaces"] = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
  mounts.push({
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "ro"],
  });
  process["capabilities"] = {
    bounding: ["CAP_DAC_OVERRIDE"],
    effective: ["CAP_DAC_OVERRIDE"],
    permitted: ["CAP_DAC_OVERRIDE"],
  };
};

attack({
  ids: ["CVE-2023-25809"],
  mechanism: "without a cgroup namespace of its own a container can write to the control groups of the host",
  immune: "read-only is set on the detached mount before it is attached (src/runtime/plan/mount-cgroups.ts)",
  cases: {
    "read-only control groups without a cgroup namespace": (lab) => assertNoneIsMade(lab, shareCgroups),
    "/sys as a read-only bind mount": (lab) =>
      assertNoneIsMade(lab, ({ linux, mounts }) => {
        linux["namespaces"] = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
        const sys = mounts.find(({ destination }) => destination === "/sys")!;
        Object.assign(sys, {
          type: "bind",
          source: "/sys",
          options: ["rbind", "nosuid", "noexec", "nodev", "rro"],
        });
        mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] });
      }),
    "in a user namespace, with the control groups of the host": (lab) => {
      lab.before = ["unshare", "--user", "--map-root-user", "--mount", "--"];
      return assertNoneIsMade(lab, (config) => {
        shareCgroups(config);
        delete config.linux["resources"];
        (config.linux["namespaces"] as object[]).push({ type: "user" });
        config.linux["uidMappings"] = [{ containerID: 0, hostID: 0, size: 1 }];
        config.linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 1 }];
      });
    },
  },
});

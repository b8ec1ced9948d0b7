import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { attack } from "./harness/index.ts";

/** A block device of this host as "MAJOR MINOR"; loop0 where it has no disk. */
function blockDevice(): string {
  const line = /^ *(\d+) +(\d+) +\d+ \S+$/m.exec(readFileSync("/proc/partitions", "utf8"));
  return line ? `${line[1]} ${line[2]}` : "7 0";
}

attack({
  ids: ["GHSA-g54h-m393-cpwq"],
  mechanism:
    "the list of devices is taken as one of what is denied, so that a container without a list may use all",
  immune:
    "everything is denied first, then the default devices are allowed (src/runtime/cgroup/device-policy.ts)",
  cases: {
    "without any rule a block device of the host is out of reach": async (lab) => {
      const script = `mknod /tmp/disk b ${blockDevice()} || echo no node; head -c 1 /tmp/disk > /tmp/byte && echo READ; cat /dev/null`;
      copyFileSync("/bin/busybox", `${lab.rootfs}/bin/mknod`);
      const { stdout, exitCode } = await lab.run(["sh", "-c", script], ({ root, linux, process }) => {
        root["readonly"] = false;
        delete linux["resources"];
        const all = ["CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
        process["capabilities"] = { bounding: all, effective: all, permitted: all };
      });
      assert.equal(exitCode, 0);
      assert.doesNotMatch(stdout, /READ/);
    },
  },
});

import assert from "node:assert/strict";
import { attack, type Change, type Lab, wasRefused } from "./harness/index.ts";

async function assertReadOnly(lab: Lab, change: Change): Promise<void> {
  for (let number = 0; number < 40; number++) lab.write(`proc/self/fd/${number}/file`, "");
  const script =
    "touch /new && echo WRITTEN; touch /data/new && echo WRITTEN; touch /volume/new && echo WRITTEN; echo done";
  const outcome = await lab.run(["sh", "-c", script], (config) => {
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
    config.linux["maskedPaths"] = [];
    config.linux["readonlyPaths"] = [];
    change(config);
  });
  if (!wasRefused(outcome)) assert.equal(outcome.stdout, "done\n");
}

attack({
  ids: ["CVE-2026-115521"],
  mechanism:
    "a mount is made read-only by a path in the container's own /proc/self/fd, which the image has made up: it stays writable",
  immune:
    "attributes are set by mount_setattr on the mount's descriptor, before it is attached or on the root's own (setMountAttributes)",
  cases: {
    "a read-only root and mounts, /proc/self/fd is in the image": (lab) =>
      assertReadOnly(lab, ({ mounts }) => {
        const source = lab.volume("data");
        for (const destination of ["/data", "/volume"]) {
          lab.write(`${destination.slice(1)}/old`, "");
          mounts.push({ destination, type: "bind", source, options: ["rbind", "ro"] });
        }
      }),
    "read-only paths of the image": (lab) => {
      for (const folder of ["data", "volume"]) lab.write(`${folder}/old`, "");
      return assertReadOnly(lab, ({ linux }) => {
        linux["readonlyPaths"] = ["/data", "/volume"];
      });
    },
  },
});

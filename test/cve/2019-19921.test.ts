import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { attack, type Case, wasRefused } from "./harness/index.ts";

/** Either it does not start, or what has to be hidden and protected is. */
const linked =
  (path: string, target: string): Case =>
  async (lab) => {
    mkdirSync(join(lab.rootfs, "elsewhere"));
    lab.link(path, target.replace("CANARY", lab.canary.path));
    const script =
      "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; { echo 0 > /proc/sys/kernel/panic; } 2>&1 | wc -l";
    const outcome = await lab.run(["sh", "-c", script], ({ root }) => {
      root["readonly"] = false;
    });
    if (!wasRefused(outcome)) assert.equal(outcome.stdout, "0\n0\n1\n");
  };

attack({
  ids: ["CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642", "CVE-2025-54867"],
  mechanism: "/proc or /sys of the image is a link: masks, read-only paths and labels land elsewhere",
  immune:
    "/proc and /sys have to be directories of the root itself (resolve with `directory`, native/init/descriptors.c)",
  cases: {
    "/proc is a link inside the image": linked("proc", "/elsewhere"),
    "/proc is a relative link": linked("proc", "elsewhere"),
    "/proc is a link to the host": linked("proc", "CANARY/directory"),
    "/proc is a dangling link": linked("proc", "CANARY/made"),
    "/sys is a link inside the image": linked("sys", "/elsewhere"),
    "/sys is a link to the host": linked("sys", "CANARY/directory"),
  },
});

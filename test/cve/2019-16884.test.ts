import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, type Change, type Lab, wasRefused } from "./harness/index.ts";

/** What the volume of an image (VOLUME /proc) would be: files that look like procfs. */
function fakeProc(lab: Lab): string {
  const volume = lab.volume("fake-proc");
  for (const folder of ["self/attr", "thread-self/attr", "sys/net/ipv4"]) {
    mkdirSync(join(volume, folder), { recursive: true });
  }
  writeFileSync(join(volume, "self/attr/exec"), "");
  return volume;
}

const bind =
  (source: string, destination: string): Change =>
  ({ mounts }) => {
    mounts.push({ destination, type: "bind", source, options: ["rbind"] });
  };

/** Either it does not start, or its /proc is a procfs at every place that was aimed at. */
async function assertProcIsReal(lab: Lab, change: Change): Promise<void> {
  const script = "for f in /proc /proc/self/attr /proc/sys/net; do stat -f -c %t $f; done";
  const outcome = await lab.run(["sh", "-c", script], change);
  if (!wasRefused(outcome)) assert.equal(outcome.stdout, "9fa0\n9fa0\n9fa0\n");
}

attack({
  ids: ["CVE-2019-16884"],
  mechanism: "a volume over /proc gets the label that was meant for the process, so that it runs unconfined",
  immune:
    "only procfs may cover /proc, by text (checkProc in src/runtime/plan/mounts.ts) and by what a destination resolves to (op_resolve)",
  cases: {
    "a volume over /proc": async (lab) => assertProcIsReal(lab, bind(fakeProc(lab), "/proc")),
    "a tmpfs over /proc": async (lab) =>
      assertProcIsReal(lab, ({ mounts }) =>
        mounts.push({ destination: "/proc", type: "tmpfs", source: "tmpfs" }),
      ),
    "a volume over /proc/self/attr": async (lab) =>
      assertProcIsReal(lab, bind(join(fakeProc(lab), "self/attr"), "/proc/self/attr")),
    "a volume on a link of the image to /proc": async (lab) => {
      lab.link("data", "/proc");
      await assertProcIsReal(lab, bind(fakeProc(lab), "/data"));
    },
    "a volume on a link of the image to /proc/sys/net": async (lab) => {
      lab.link("data", "proc/sys");
      await assertProcIsReal(lab, bind(join(fakeProc(lab), "sys/net"), "/data/net"));
    },
  },
});

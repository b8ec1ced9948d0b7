import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { programs, readHostFacts } from "../../src/host/index.ts";
import { compileLaunch, encodePlan } from "../../src/runtime/index.ts";
import type { RuntimeIntelRdt } from "../../src/spec/index.ts";
import { isRoot, makeBusyboxRootfs, temporaryDirectory } from "../support/index.ts";
import { Containers } from "./containers.ts";
import { config, launchInput } from "./launch-input.ts";

/** Files as the kernel makes them with a group; what is written to them stays to be read. */
function makeGroup(path: string): void {
  mkdirSync(path, { recursive: true });
  for (const file of ["schemata", "tasks"]) writeFileSync(join(path, file), "");
}

describe("Intel RDT", { skip: !isRoot }, () => {
  it("a plan writes what is asked for and moves the process in, in a directory that stands for resctrl", () => {
    using scratch = temporaryDirectory("rdt");
    const at = (...names: string[]) => join(scratch.path, ...names);
    makeBusyboxRootfs(at("rootfs"));
    mkdirSync(at("state"));
    makeGroup(at("r/box"));
    makeGroup(at("r/box/mon_groups/box"));
    const run = (intelRdt: RuntimeIntelRdt) => {
      const { plan } = compileLaunch(
        launchInput({
          mode: "foreground",
          host: readHostFacts(),
          cgroups: { mode: "hybrid", groups: [] },
          root: { kind: "directory", path: at("rootfs") },
          stateDirectory: at("state"),
          failureFile: at("failure"),
          keep: true,
          config: config({
            mounts: [],
            process: { ...config().process!, args: ["/bin/true"], rlimits: [] },
            linux: { namespaces: [{ type: "mount" }, { type: "pid" }], intelRdt },
          }),
          resctrl: { mountpoint: at("r"), resources: ["L3", "MB", "L3_MON"], monitored: [] },
        }),
      );
      writeFileSync(at("plan"), encodePlan(plan));
      const { status, stderr } = spawnSync(programs().init, [at("plan")], { encoding: "utf8" });
      assert.equal(
        status,
        0,
        `${stderr}${existsSync(at("failure")) ? readFileSync(at("failure"), "utf8") : ""}`,
      );
    };
    run({ memBwSchema: "MB:0=20", l3CacheSchema: "L3:0=f", enableMonitoring: true });
    assert.equal(readFileSync(at("r/box/schemata"), "utf8"), "L3:0=f\nMB:0=20\n");
    const task = readFileSync(at("r/box/tasks"), "utf8");
    assert.match(task, /^\d+$/);
    assert.equal(readFileSync(at("r/box/mon_groups/box/tasks"), "utf8"), task);
  });

  it("is refused by name where resctrl is not mounted", async () => {
    if (readHostFacts().mounts.some(({ type }) => type === "resctrl")) return;
    await using containers = new Containers();
    const attempt = containers.run(["/bin/true"], ({ linux }) => {
      linux["intelRdt"] = { closID: "gold" };
    });
    await assert.rejects(attempt, {
      code: "failed-precondition",
      pointer: "/linux/intelRdt",
      message: /no resctrl file system mounted/,
    });
  });
});

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isRoot } from "../support/index.ts";
import { Lab } from "./harness/index.ts";

/** A case may end with a refusal, so it has to be sure that nothing but the attack is refused. */
describe("the place of an attack", { skip: isRoot ? false : "needs root" }, () => {
  it("runs a container that attacks nothing", async () => {
    await using lab = new Lab();
    const { stdout, stderr, exitCode } = await lab.run(["probe", "beyond", lab.canary.path]);
    assert.deepEqual([stdout, exitCode], ["inside\n", 0], stderr);
    lab.canary.assertUntouched();
  });

  it("runs one whose /dev is a volume, and one without /dev", async () => {
    await using lab = new Lab();
    const dev = lab.volume("dev");
    for (const folder of ["pts", "shm", "mqueue"]) mkdirSync(join(dev, folder));
    const bound = await lab.run(["echo", "runs"], (config) => {
      const place = config.mounts.findIndex(({ destination }) => destination === "/dev");
      config.mounts[place] = { destination: "/dev", type: "bind", source: dev, options: ["rbind"] };
    });
    assert.equal(bound.stdout, "runs\n", bound.stderr);
    const without = await lab.run(["echo", "runs"], (config) => {
      config.root["readonly"] = false;
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    });
    assert.equal(without.stdout, "runs\n", without.stderr);
  });

  it("enters a running container", async () => {
    await using lab = new Lab();
    const id = await lab.start(["sleep", "100"]);
    assert.equal((await lab.exec(id, ["echo", "entered"])).stdout, "entered\n");
  });

  it("sees whatever happens to the canary", async () => {
    for (const change of [
      (path: string) => writeFileSync(join(path, "secret"), "other"),
      (path: string) => writeFileSync(join(path, "made"), ""),
      (path: string) => mkdirSync(join(path, "directory/deep")),
      (path: string) => symlinkSync("secret", join(path, "link")),
    ]) {
      await using lab = new Lab();
      change(lab.canary.path);
      assert.throws(() => lab.canary.assertUntouched(), /the host was changed/);
    }
  });
});

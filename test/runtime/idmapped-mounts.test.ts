import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { RuntimeMount } from "../../src/spec/index.ts";
import { isRoot } from "../support/index.ts";
import { Containers } from "./containers.ts";

const mapping = (containerID: number, hostID: number, size: number) => [{ containerID, hostID, size }];

/** A directory of the bundle with a file of user 3 and group 4, and a mount of it on /data. */
function source(containers: Containers, mount: Partial<RuntimeMount>) {
  const path = join(containers.bundle, "source");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "file"), "content");
  chownSync(join(path, "file"), 3, 4);
  return { destination: "/data", type: "bind", source: path, options: ["rbind"], ...mount };
}

const owner = "stat -c %u:%g /data/file";

describe("id-mapped mounts", { skip: !isRoot }, () => {
  test("show owners through uidMappings and gidMappings, and write through them", async () => {
    await using containers = new Containers();
    const mount = source(containers, {
      uidMappings: mapping(0, 1000, 10),
      gidMappings: mapping(0, 2000, 10),
    });
    const script = `${owner}; chown 1007:2008 /data/file; ${owner}; stat -c %u:%g / `;
    const shown = await containers.shell(script, (config) => {
      const capabilities = ["CAP_CHOWN"];
      config.process.capabilities = {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      };
      config.mounts.push(mount);
    });
    assert.equal(shown, "1003:2004\n1007:2008\n0:0");
    const { uid, gid } = statSync(join(mount.source, "file"));
    assert.deepEqual([uid, gid], [7, 8]);
  });

  test("take the mapping from the option, as crun writes it, for several mounts with one namespace", async () => {
    await using containers = new Containers();
    const option = "idmap=uids=0-100-2#3-500-1;gids=0-200-9";
    const mount = source(containers, { options: ["bind", "ro", option] });
    const shown = await containers.shell(
      `${owner}; stat -c %u:%g /again/file; touch /data/x || true`,
      (config) => {
        config.mounts.push(mount, { ...mount, destination: "/again" });
      },
    );
    assert.equal(shown, "500:204\n500:204");
  });

  test("reach the mounts below with ridmap, and only the mount itself with idmap", async () => {
    await using containers = new Containers();
    const tree = join(containers.bundle, "tree");
    mkdirSync(join(tree, "below"), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "corten-test", join(tree, "below")]);
    try {
      for (const [option, expected] of [
        ["ridmap", "1000:1000\n1000:1000"],
        ["idmap", "1000:1000\n0:0"],
      ] as const) {
        const options = ["rbind", `${option}=uids=0-1000-9;gids=0-1000-9`];
        const shown = await containers.shell("stat -c %u:%g /data /data/below", (config) =>
          config.mounts.push({ destination: "/data", type: "bind", source: tree, options }),
        );
        assert.equal(shown, expected);
      }
    } finally {
      execFileSync("umount", [join(tree, "below")]);
    }
  });

  test("map a new tmpfs", async () => {
    await using containers = new Containers();
    const shown = await containers.shell("stat -c %u:%g /data", (config) =>
      config.mounts.push({
        destination: "/data",
        type: "tmpfs",
        source: "tmpfs",
        options: ["idmap"],
        uidMappings: mapping(0, 70, 1),
        gidMappings: mapping(0, 80, 1),
      }),
    );
    assert.equal(shown, "70:80");
  });

  const refused: ReadonlyArray<readonly [string, Partial<RuntimeMount>, RegExp]> = [
    ["without any mapping", { options: ["bind", "idmap"] }, /neither the mount nor the container has one/],
    ["with one for users alone", { uidMappings: mapping(0, 1, 1) }, /gidMappings is missing/],
    ["with an unreadable one", { options: ["bind", "idmap=uids=0-1;gids=0-1-1"] }, /cannot be read/],
    [
      "relative to a user namespace that is not there",
      { options: ["bind", "idmap=uids=@0-1-1;gids=0-1-1"] },
      /does not have/,
    ],
  ];
  for (const [name, change, message] of refused) {
    test(`are refused ${name}`, async () => {
      await using containers = new Containers();
      const mount = source(containers, change);
      await assert.rejects(
        containers.run(["/bin/true"], (config) => config.mounts.push(mount)),
        (error: Error) => {
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

import assert from "node:assert/strict";
import { chmodSync, lchownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot } from "../support/index.ts";
import { Containers } from "./containers.ts";

const tmpfs = (...options: string[]) => ({
  destination: "/data",
  type: "tmpfs",
  source: "tmpfs",
  options: [...options, "tmpcopyup"],
});

describe("tmpcopyup", { skip: !isRoot }, () => {
  test("begins with the image's files, also when it is read-only, and leaves them alone", async () => {
    await using containers = new Containers();
    const data = join(containers.bundle, "rootfs/data");
    mkdirSync(join(data, "below"), { recursive: true });
    chmodSync(data, 0o705);
    writeFileSync(join(data, "below/file"), "content");
    lchownSync(data, 5, 6);
    const show = "cd /data; stat -c '%u:%g %a' .; cat below/file; echo; echo x >below/new && ls below";
    const written = await containers.shell(show, (config) => config.mounts.push(tmpfs("size=64k")));
    assert.equal(written, "5:6 705\ncontent\nfile\nnew");
    const owned = await containers.run(["/bin/sh", "-c", show], (config) =>
      config.mounts.push(tmpfs("ro", "uid=9", "mode=715")),
    );
    assert.match(owned.stdout, /^9:0 715\ncontent\n/);
    assert.match(owned.stderr, /Read-only file system/);
  });

  test("leaves out what is mounted below, and makes a directory that the image lacks", async () => {
    await using containers = new Containers();
    const script = "ls -A /data; ls -A /data/volume";
    const listed = await containers.run(["/bin/sh", "-c", script], (config) => {
      const volume = { destination: "/data/volume", type: "tmpfs", source: "tmpfs", options: ["size=4k"] };
      config.mounts.push(volume, tmpfs());
    });
    assert.match(listed.stderr, /volume: No such file/);
    assert.equal(listed.stdout, "");
  });

  test("is refused on anything but a tmpfs", async () => {
    await using containers = new Containers();
    await assert.rejects(
      containers.run(["/bin/true"], (config) =>
        config.mounts.push({
          destination: "/x",
          type: "bind",
          source: "/etc",
          options: ["rbind", "tmpcopyup"],
        }),
      ),
      /mounts\/\d+\/options.*tmpcopyup is for a tmpfs/,
    );
  });
});

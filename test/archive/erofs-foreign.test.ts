import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { checkErofs, ErofsImage, type ImageFile } from "../../src/archive/index.ts";
import { isCortenError } from "../../src/spec/index.ts";
import { cannotMount, run, seeTree } from "./mounted-tree.ts";

const skip = cannotMount();

/** Files on whose content, names and attributes the forms of EROFS differ. */
const MAKE_TREE = `
cd "$0"
mkdir many shared empty
i=0; while [ $i -lt 400 ]; do echo $i > many/a-file-with-a-rather-long-name-$i; i=$((i+1)); done
head -c 100000 /dev/urandom > large; head -c 4096 /dev/zero > block; head -c 5000 /dev/urandom > tail; : > nothing
ln large hard; ln -s "$(printf 'x%.0s' $(seq 3000))" far; ln -s large near
mknod gone c 0 0; mknod disk b 8 17; mkfifo pipe
chown 70000:3 tail; chmod 4751 tail; touch -d '1960-02-03 04:05:06.789' near block
for n in 1 2 3 4; do echo $n > shared/$n
  setfattr -n user.same -v "$(printf 'v%.0s' $(seq 300))" shared/$n; setfattr -n user.own -v $n shared/$n; done
setfattr -n trusted.overlay.opaque -v y shared`;

async function inScratch(body: (directory: string, image: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "corten-mkfs-"));
  try {
    mkdirSync(join(directory, "tree"));
    mkdirSync(join(directory, "mnt"));
    await run("sh", ["-euc", MAKE_TREE, join(directory, "tree")]);
    writeFileSync(join(directory, "tree/holes"), "start");
    truncateSync(join(directory, "tree/holes"), 3_000_000);
    await body(directory, join(directory, "image"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What our own reader says of every file, in the form of `seeTree`. */
function readTree(path: string): Map<string, unknown> {
  const tree = new Map<string, unknown>();
  const image = new ErofsImage(path, null);
  const see = (name: string, file: ImageFile) => {
    const hash = createHash("sha256");
    let position = 0;
    if (file.type === "file") {
      for (const { bytes, position: at } of image.pieces(file)) {
        hash.update(Buffer.alloc(at - position)).update(bytes);
        position = at + bytes.length;
      }
      hash.update(Buffer.alloc(file.size - position));
    }
    const { mode, uid, gid, mtime, xattrs, type } = file;
    tree.set(name, {
      type,
      mode,
      owner: [uid, gid],
      mtime: `${mtime.seconds}.${mtime.nanoseconds}`,
      size: type === "file" ? file.size : 0,
      link: type === "symlink" ? image.readStart(file, 4095).toString("latin1") : "",
      device: `${file.deviceMajor}:${file.deviceMinor}`,
      xattrs: Object.fromEntries(
        [...xattrs].sort().map(([key, value]) => [key, Buffer.from(value).toString("hex")]),
      ),
      content: hash.digest("hex"),
      links: file.links,
    });
    if (type !== "directory") return;
    for (const [child, below] of image.list(file)) see(name === "" ? child : `${name}/${child}`, below);
  };
  see("", image.root);
  image.close();
  return tree;
}

describe("images of mkfs.erofs", { skip }, () => {
  for (const [what, options] of [
    ["as it makes them", []],
    ["with times", ["--preserve-mtime"]],
    ["with large inodes", ["-Eforce-inode-extended"]],
    ["with small inodes", ["-Eforce-inode-compact", "--ignore-mtime", "--force-uid=0"]],
    ["without inline data, as containerd makes them", ["-Enoinline_data"]],
    ["in chunks", ["--chunksize=4096"]],
    ["in chunks with long entries", ["--chunksize=8192", "-Eforce-chunk-indexes"]],
    ["without a checksum", ["-E^sb-chksum"]],
    ["with all attributes shared", ["-x0"]],
  ] as const) {
    test(`${what}: sound, and read as the kernel shows them`, async () => {
      await inScratch(async (directory, image) => {
        await run("mkfs.erofs", ["--quiet", ...options, image, join(directory, "tree")]);
        const { entries, whiteouts, directories } = await checkErofs(image);
        const read = readTree(image);
        assert.equal(entries, read.size - 1);
        assert.deepEqual(whiteouts, ["gone"]);
        assert.equal(directories.find(({ path }) => path === "shared")!.opaque, true);
        const shown = await seeTree(join(directory, "mnt"), image);
        const names = [...shown.keys()].sort();
        assert.deepEqual([...read.keys()].sort(), names);
        // A tar archive has hard links as such, so that the second name of one has no content there.
        for (const name of names.filter((each) => shown.get(each)!.type !== "hardlink")) {
          assert.deepEqual(read.get(name), { ...shown.get(name)! }, name);
        }
      });
    });
  }

  test("compressed ones are refused as what is not supported", async () => {
    await inScratch(async (directory, image) => {
      await run("mkfs.erofs", ["--quiet", "-zlz4", image, join(directory, "tree")]);
      await assert.rejects(checkErofs(image), (error) => isCortenError(error, "unimplemented"));
    });
  });
});

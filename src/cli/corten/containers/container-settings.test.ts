import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "../../command/bytes.ts";
import type { Values } from "../../command/option.ts";
import { type ParsedLine, parseLine } from "../../command/parse.ts";
import { createOptions } from "../table/container-options.ts";
import { containerSettings } from "./container-settings.ts";
import { parseDevice, parseRootDirectory, parseTmpfs, parseVolume } from "./mounts.ts";

function settings(...line: string[]) {
  const result = parseLine(
    { options: createOptions, optionsFirst: true, dialect: "posix" },
    line,
  ) as ParsedLine;
  assert.equal(result.kind, "parsed", JSON.stringify(result));
  return containerSettings(result.values as Values<typeof createOptions>, result.args);
}

test("a usual command line", () => {
  const { image, command, env, memory, cpus, pidsLimit, entrypoint, labels, autoRemove, pull } = settings(
    ..."--rm -it -e A=1 -m 64m --cpus 1.5 --pids-limit 10 --entrypoint /x -l a=b -l c alpine sh -c".split(
      " ",
    ),
    "echo hi",
  );
  assert.deepEqual([image, command, env], ["alpine", ["sh", "-c", "echo hi"], ["A=1"]]);
  assert.deepEqual([memory, cpus, pidsLimit, entrypoint], [67_108_864, 1.5, 10, ["/x"]]);
  assert.deepEqual([labels, autoRemove, pull], [{ a: "b", c: "" }, true, "never"]);
  assert.deepEqual(settings("--entrypoint", "", "alpine").entrypoint, []);
});

test("a root directory takes the place of the image", () => {
  const { rootfs, image, command } = settings("--rootfs", "/:O", "--", "ls", "-l");
  assert.deepEqual([rootfs, image, command], [{ path: "/", overlay: true }, undefined, ["ls", "-l"]]);
  assert.deepEqual(parseRootDirectory("/srv/root"), { path: "/srv/root", overlay: false });
  assert.throws(() => settings(), /no image is named/);
});

test("volumes, tmpfs and devices", () => {
  assert.deepEqual(parseVolume("/a:/b:ro"), { source: "/a", destination: "/b", readOnly: true });
  assert.deepEqual(parseVolume("data:/b"), { source: "data", destination: "/b", readOnly: false });
  assert.deepEqual(parseVolume("/b"), { destination: "/b", readOnly: false });
  assert.equal(parseVolume("./x:/b").source, `${process.cwd()}/x`);
  assert.throws(() => parseVolume("/a:/b:z"), /"z" is neither ro nor rw/);
  assert.throws(() => parseVolume("/a:b"), /"b" is not an absolute path/);
  assert.deepEqual(parseTmpfs("/run:size=1m,ro"), { destination: "/run", options: ["size=1m", "ro"] });
  assert.deepEqual(parseDevice("/dev/fuse"), {
    source: "/dev/fuse",
    destination: "/dev/fuse",
    access: "rwm",
  });
  assert.deepEqual(parseDevice("/dev/a:/dev/b:r"), { source: "/dev/a", destination: "/dev/b", access: "r" });
  assert.deepEqual(parseDevice("/dev/a:rw"), { source: "/dev/a", destination: "/dev/a", access: "rw" });
});

test("sizes as docker takes them", () => {
  assert.equal(bytes("-m", "1.5GiB"), 1_610_612_736);
  assert.equal(bytes("-m", "512"), 512);
  for (const wrong of ["", "x", "1z", "-1", "1e3", "99999999t"])
    assert.throws(() => bytes("-m", wrong), /is such as/);
});

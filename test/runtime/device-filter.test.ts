import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { command, cortenOci, isRoot, makeBundle, temporaryDirectory } from "../support/index.ts";

/** A mount namespace in which this machine has cgroup v2 alone. */
const UNIFIED =
  "mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && ";

describe("device rules where there is only cgroup v2", { skip: !isRoot }, () => {
  test("hold for the container and for what is executed in it, and change as a whole", async () => {
    using scratch = temporaryDirectory("device-filter");
    const bundle = join(scratch.path, "bundle");
    const id = `device-filter-${process.pid}`;
    makeBundle(bundle, ["sleep", "100"], (config) => {
      config.linux["cgroupsPath"] = `/corten-${id}`;
      const capabilities = ["CAP_SYSLOG"];
      config.process["capabilities"] = {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      };
      config.linux["devices"] = [
        { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o666, uid: 0, gid: 0 },
        { path: "/dev/loop-control", type: "c", major: 10, minor: 237, fileMode: 0o666, uid: 0, gid: 0 },
      ];
      config.linux["resources"] = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 11, access: "r" },
        ],
      };
    });
    const look =
      "for f in null zero kmsg loop-control; do true < /dev/$f && echo $f; done 2>/dev/null; true > /dev/kmsg";
    const oci = `${cortenOci} --root ${scratch.path}/root`;
    const { stdout, stderr, exitCode } = await command("unshare", [
      ...["-m", "sh", "-c"],
      `${UNIFIED} ${oci} run -d -b ${bundle} ${id} </dev/null >/dev/null || exit 9
      ${oci} exec ${id} sh -c '${look}'; echo status $?
      echo '{"devices":[{"allow":false,"access":"rwm"}]}' | ${oci} update -r - ${id} || exit 8
      ${oci} exec ${id} sh -c '${look}'
      echo '{"devices":[{"allow":true,"access":"rwm"}]}' | ${oci} update -r - ${id} || exit 7
      ${oci} exec ${id} sh -c 'true > /dev/kmsg && echo all'
      ${oci} delete -f ${id}`,
    ]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^null\nzero\nkmsg\nstatus [1-9]\d*\nnull\nzero\nall\n$/);
    assert.match(stderr, /\/dev\/kmsg: Operation not permitted/);
  });
});

import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BundleConfig, chownTree } from "../support/index.ts";
import { type Box, clauses } from "./harness/index.ts";

const FIRST = 100_000;

function inUserNamespace(config: BundleConfig): void {
  const mapping = [{ containerID: 0, hostID: FIRST, size: 65_536 }];
  (config.linux["namespaces"] as { type: string }[]).push({ type: "user" });
  config.linux["uidMappings"] = mapping;
  config.linux["gidMappings"] = mapping;
}

/** Gives the root to the root of the user namespace, as whoever makes such a bundle has to. */
function giveAway(box: Box): void {
  chownTree(box.rootfs, FIRST, FIRST);
  for (const directory of [box.directory, box.bundle]) chmodSync(directory, 0o711);
}

const places = ["root"] as const;

clauses("user namespaces", {
  "root inside, and nobody outside": {
    clause: "config-linux.md, User namespace mappings",
    places,
    action: async (box) => {
      giveAway(box);
      const text = await box.shell(
        "id -u; id -g; cat /proc/self/uid_map; grep ^CapEff /proc/self/status; stat -c %u /bin",
        inUserNamespace,
      );
      assert.match(text, /^0\n0\n\s+0\s+100000\s+65536\nCapEff:\s+0000000020000420\n0$/);
    },
  },
  "every capability that is asked for, whatever the caller lacks": {
    clause: "config.md, capabilities; user_namespaces(7)",
    places,
    action: async (box) => {
      giveAway(box);
      const text = await box.shell("grep ^CapEff /proc/self/status", (config) => {
        inUserNamespace(config);
        const sets = ["CAP_SYS_RESOURCE", "CAP_SYS_ADMIN", "CAP_MKNOD"];
        config.process["capabilities"] = { bounding: sets, effective: sets, permitted: sets };
      });
      assert.match(text, /0000000009200000$/);
    },
  },
  "the default devices": {
    clause: "config-linux.md, Default Devices",
    places,
    action: async (box) => {
      giveAway(box);
      const text = await box.shell(
        "for d in null zero full random urandom tty; do stat -c '%n %t:%T' /dev/$d; done; " +
          "echo x > /dev/null; head -c 3 /dev/zero | wc -c",
        inUserNamespace,
      );
      assert.match(text, /^\/dev\/null 1:3\n[\s\S]*\n3$/);
    },
  },
  "a bind of what only the caller can reach": {
    clause: "config.md, Mounts: the source is looked up in the runtime's namespaces",
    places,
    action: async (box) => {
      giveAway(box);
      const secret = join(box.directory, "secret");
      mkdirSync(join(secret, "data"), { recursive: true });
      writeFileSync(join(secret, "data/file"), "for the container");
      chownSync(secret, 4321, 4321);
      chmodSync(secret, 0o700);
      const text = await box.shell("cat /tmp/file", (config) => {
        inUserNamespace(config);
        const source = join(secret, "data");
        config.mounts.push({ destination: "/tmp", type: "bind", source, options: ["rbind", "ro"] });
      });
      assert.equal(text, "for the container");
    },
  },
  "mapped users and groups": {
    clause: "config.md, User",
    places,
    action: async (box) => {
      giveAway(box);
      const text = await box.shell("id -u; id -g; grep ^Groups /proc/self/status", (config) => {
        inUserNamespace(config);
        config.process["user"] = { uid: 1000, gid: 1001, additionalGids: [5, 10] };
      });
      assert.match(text, /^1000\n1001\nGroups:\s+5 10/);
    },
  },
  "a program beside, and another container in the same namespaces": {
    clause: "config-linux.md, Namespaces: path",
    places,
    action: async (box) => {
      giveAway(box);
      const id = await box.start(["sleep", "100"], inUserNamespace);
      const inside = await box.must(
        "exec",
        id,
        "sh",
        "-c",
        "id -u; cat /proc/self/uid_map; readlink /proc/self/ns/user",
      );
      assert.match(inside, /^0\n\s+0\s+100000\s+65536\nuser:/);
      const { pid } = await box.state(id);
      const pod = await box.shell(
        "echo $$; for n in user net; do readlink /proc/self/ns/$n; done",
        (config) => {
          const path = (name: string) => `/proc/${pid}/ns/${name}`;
          config.linux["namespaces"] = [
            { type: "user", path: path("user") },
            { type: "network", path: path("net") },
            { type: "ipc", path: path("ipc") },
            ...["pid", "uts", "mount"].map((type) => ({ type })),
          ];
        },
      );
      assert.deepEqual(pod.split("\n"), [
        "1",
        readlinkSync(`/proc/${pid}/ns/user`),
        readlinkSync(`/proc/${pid}/ns/net`),
      ]);
    },
  },
  "clocks of its own": {
    clause: "config-linux.md, Offset for Time Namespace (since 1.1)",
    places,
    action: async (box) => {
      const text = await box.shell("cat /proc/uptime", (config) => {
        (config.linux["namespaces"] as { type: string }[]).push({ type: "time" });
        config.linux["timeOffsets"] = { boottime: { secs: 5_000_000 } };
      });
      assert.ok(Number(text.split(" ")[0]) > 5_000_000);
    },
  },
});

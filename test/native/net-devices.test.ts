import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import {
  builds,
  type Draft,
  Kernel,
  makeBuilds,
  readFailure,
  type Sections,
  shell,
  writePlan,
} from "./executor.ts";

makeBuilds("all", "asan");

/** Makes a pair of devices with addresses, in the namespace that `unshare` has made. */
const SETUP = [
  "set -e",
  "ip link add host0 type veth peer name far0",
  "ip link set far0 up",
  "ip addr add 10.7.0.2/24 brd 10.7.0.255 dev host0",
  "ip addr add fd00:7::2/64 dev host0 nodad",
  "ip addr add 169.254.3.4/16 scope link dev host0",
  "ip link set host0 up mtu 1400",
].join("\n");

const ADDRESSES = "ip -o addr show dev";

for (const { name, init } of builds) {
  describe(`network devices, ${name}`, { skip: !isRoot }, () => {
    /** Runs the plan, and then `after`, in a network namespace of its own. */
    const run = (scratch: string, sections: Sections, after: string, setup = SETUP) => {
      const plan = writePlan(scratch, sections);
      const script = join(scratch, "script");
      writeFileSync(script, `${setup}\nset +e\n${init} ${plan}\necho "= $?"\n${after}\n`);
      return execFileSync("unshare", ["-n", "sh", script], {
        encoding: "utf8",
        env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0:exitcode=99", UBSAN_OPTIONS: "exitcode=99" },
      });
    };
    const host = (moves: readonly Draft[]): readonly Draft[] => [
      { op: "clone", flags: Kernel.CLONE_NEWNET },
      { op: "openNetworkNamespace", out: "$net" },
      ...moves,
      { op: "notify", event: 1 },
      { op: "awaitExec" },
      { op: "supervise" },
    ];
    const move = (from: string, to: string) =>
      ({ op: "moveNetDevice", namespace: "$net", name: from, newName: to, at: "/linux/netDevices" }) as const;
    const back = { op: "returnNetDevice", namespace: "$net", name: "host0", newName: "eth0" } as const;
    const inside = (script: string) => [{ op: "await", event: 1 }, ...shell(script)] as const;

    test("moves, renames, keeps addresses, sets up, and returns", () => {
      using scratch = temporaryDirectory("native");
      const out = run(
        scratch.path,
        {
          host: host([move("host0", "eth0")]),
          container: inside(`ip -o link show dev eth0; ${ADDRESSES} eth0; ip addr add 10.9.0.1/24 dev eth0`),
          cleanup: [back],
        },
        `ip -o link show dev host0; ${ADDRESSES} host0`,
      );
      const [within, after] = out.split("= 0\n") as [string, string];
      for (const part of [within, after]) {
        assert.match(part, /mtu 1400/, out);
        assert.match(part, /[<,]UP[,>]/);
        assert.match(part, /inet 10\.7\.0\.2\/24 brd 10\.7\.0\.255 scope global/);
        assert.match(part, /inet6 fd00:7::2\/64 scope global/);
        assert.doesNotMatch(part, /169\.254\.3\.4/);
      }
      assert.match(after, /10\.9\.0\.1/);
      assert.equal(readFailure(scratch.path), undefined);
    });

    test("leaves a device as it was when it cannot be moved", () => {
      using scratch = temporaryDirectory("native");
      const out = run(
        scratch.path,
        { host: host([move("host0", "lo")]), container: inside("true"), cleanup: [back] },
        `ip -o link show dev host0; ${ADDRESSES} host0`,
      );
      const failure = readFailure(scratch.path)!;
      assert.equal(failure.at, "/linux/netDevices");
      assert.match(
        failure.message,
        /^network device "host0" into \[\d+\]<net> as "lo": RTM_NEWLINK: EEXIST$/,
      );
      assert.match(out, /[<,]UP[,>]/);
      assert.match(out, /inet 10\.7\.0\.2\/24/);
    });

    test("returns the first when the second does not exist", () => {
      using scratch = temporaryDirectory("native");
      const out = run(
        scratch.path,
        {
          host: host([move("host0", "eth0"), move("none0", "eth1")]),
          container: inside("true"),
          cleanup: [back, { ...back, name: "none0", newName: "eth1" }],
        },
        `ip -o link show dev host0; ${ADDRESSES} host0`,
      );
      assert.match(readFailure(scratch.path)!.message, /"none0".*SIOCGIFINDEX: ENODEV$/);
      assert.match(out, /= 125\n/);
      assert.match(out, /inet6 fd00:7::2\/64 scope global/);
      assert.match(out, /[<,]UP[,>]/);
    });
  });
}

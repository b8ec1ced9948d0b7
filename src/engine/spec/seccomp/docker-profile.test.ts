import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DockerProfile, decideProfile, type ProfileSubject } from "./docker-profile.ts";

const subject = (change: Partial<ProfileSubject> = {}): ProfileSubject => ({
  capabilities: ["CAP_CHOWN"],
  kernel: { major: 5, minor: 15 },
  architecture: "x64",
  ...change,
});
const rule = (name: string, conditions: object) => ({
  names: [name],
  action: "SCMP_ACT_ALLOW",
  ...conditions,
});
const names = (profile: Partial<DockerProfile>, change: Partial<ProfileSubject> = {}) =>
  decideProfile({ defaultAction: "SCMP_ACT_ERRNO", ...profile }, subject(change)).syscalls!.flatMap(
    ({ names: list }) => list,
  );

describe("a profile of Docker's format", () => {
  const syscalls = [
    rule("always", { args: null, comment: "", includes: {}, excludes: {} }),
    rule("with", { includes: { caps: ["CAP_CHOWN"] } }),
    rule("both", { includes: { caps: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } }),
    rule("without", { excludes: { caps: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } }),
    rule("here", { includes: { arches: ["amd64", "x32"] } }),
    rule("elsewhere", { includes: { arches: ["arm64"] } }),
    rule("nothere", { excludes: { arches: ["amd64"] } }),
    rule("new", { includes: { minKernel: "5.15" } }),
    rule("newer", { includes: { minKernel: "5.16" } }),
    rule("older", { excludes: { minKernel: "4.8" } }),
  ];

  it("keeps the rules whose conditions hold, without the conditions", () => {
    assert.deepEqual(names({ syscalls }), ["always", "with", "here", "new"]);
    assert.deepEqual(
      names({ syscalls }, { capabilities: [], architecture: "arm64", kernel: { major: 4, minor: 7 } }),
      ["always", "without", "elsewhere", "nothere", "older"],
    );
    const [first] = decideProfile({ defaultAction: "SCMP_ACT_ERRNO", syscalls }, subject()).syscalls!;
    assert.deepEqual(first, { names: ["always"], action: "SCMP_ACT_ALLOW" });
  });

  it("takes the architectures of this machine", () => {
    const archMap = [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: null },
    ];
    const of = (architecture: string) =>
      decideProfile({ defaultAction: "SCMP_ACT_ERRNO", archMap }, subject({ architecture })).architectures;
    assert.deepEqual(of("x64"), ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    assert.deepEqual(of("arm64"), ["SCMP_ARCH_AARCH64"]);
    assert.equal(of("riscv64"), undefined);
  });

  it("may use the older form of a rule, and may be plain", () => {
    const old = { name: "read", action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] };
    const decided = decideProfile({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [old] }, subject());
    const { name: _, ...rest } = old;
    assert.deepEqual(decided.syscalls, [{ ...rest, names: ["read"] }]);
    const plain = { defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86"], syscalls: [] };
    assert.deepEqual(decideProfile(plain, subject()), plain);
  });

  const broken: ReadonlyArray<readonly [string, Partial<DockerProfile>]> = [
    [
      "both architectures and archMap",
      { architectures: ["SCMP_ARCH_X86"], archMap: [{ architecture: "x" }] },
    ],
    ["both name and names", { syscalls: [{ ...rule("a", {}), name: "b" }] }],
    ["no version", { syscalls: [rule("a", { includes: { minKernel: "new" } })] }],
    ["no list in caps", { syscalls: [rule("a", { includes: { caps: "CAP_CHOWN" } })] }],
  ];
  for (const [what, profile] of broken) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => names(profile), { code: "invalid-argument", message: new RegExp(what) });
    });
  }
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ContainerOptions, DockerProfile } from "../../src/engine/index.ts";
import { isRoot } from "../support/index.ts";
import { becomeChild, IMAGE, makeTestEngine, runForeground, type TestEngine } from "./harness.ts";

/** Prints the error number of each call. */
const PROBE = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TRY(name, ...) do { errno = 0; syscall(__VA_ARGS__); printf("%s=%d\\n", name, errno); } while (0)
int main(void) {
  TRY("keyctl", SYS_keyctl, 0, -3, 0, 0, 0);
  TRY("bpf", SYS_bpf, 9999, 0, 0);
  TRY("unshare", SYS_unshare, 0);
  TRY("clone3", SYS_clone3, 0, 0);
  TRY("alg", SYS_socket, 38L, 5L, 0L);
  TRY("algHigh", SYS_socket, (1L << 32) + 38, 5L, 0L);
  TRY("unix", SYS_socket, 1L, 1L, 0L);
  return 0;
}
`;

describe("the default seccomp profile in a container", { skip: !isRoot }, () => {
  let it: TestEngine;
  before(async () => {
    it = await makeTestEngine();
    mkdirSync(join(it.scratch, "bin"));
    const source = join(it.scratch, "probe.c");
    writeFileSync(source, PROBE);
    execFileSync("cc", ["-static", "-O1", "-o", join(it.scratch, "bin/probe"), source]);
  });
  after(() => it[Symbol.asyncDispose]());

  async function probe(options: ContainerOptions): Promise<Record<string, string>> {
    const { stdout, stderr } = await runForeground(it, {
      image: IMAGE,
      autoRemove: true,
      volumes: [{ source: join(it.scratch, "bin"), destination: "/probe", readOnly: true }],
      command: ["/probe/probe"],
      ...options,
    });
    assert.equal(stderr, "");
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("=") as [string, string]),
    );
  }

  test("denies what it says", async () => {
    const { keyctl, bpf, unshare, clone3, alg, algHigh, unix } = await probe({});
    assert.deepEqual(
      [keyctl, bpf, unshare, clone3, alg, algHigh, unix],
      ["1", "1", "1", "38", "1", "1", "0"],
    );
  });

  test("lets calls through with a capability, unconfined and with a profile of the caller's", async () => {
    assert.equal((await probe({ capAdd: ["SYS_ADMIN"] }))["unshare"], "0");
    for (const options of [{ seccomp: "unconfined" }, { privileged: true }] as const) {
      const { unshare, clone3, keyctl } = await probe(options);
      assert.equal(unshare, "0");
      assert.equal(clone3, "22");
      assert.notEqual(keyctl, "1");
    }
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 7 }],
    };
    assert.equal((await probe({ seccomp }))["unshare"], "7");
  });

  test("may be a profile of Docker's format, with its conditions: the one that podman installs", async () => {
    const profile = JSON.parse(readFileSync("/usr/share/containers/seccomp.json", "utf8")) as DockerProfile;
    const { bpf, unix } = await probe({ seccomp: profile });
    assert.deepEqual([bpf, unix], ["1", "0"]);
    // With the capability the kernel itself sees the call, and does not know the command.
    assert.equal((await probe({ seccomp: profile, capAdd: ["SYS_ADMIN"] }))["bpf"], "22");
  });

  test("is in force in run and exec", async () => {
    const { engine } = it;
    const status = ["grep", "Seccomp:", "/proc/self/status"];
    const { stdout } = await runForeground(it, { image: IMAGE, autoRemove: true, command: status });
    assert.match(stdout, /Seccomp:\s+2/);
    await using container = await engine.run({ image: IMAGE, command: ["sleep", "100"] });
    const made = await becomeChild(await engine.prepareExec(container.id, { command: status }));
    assert.match(made.stdout, /Seccomp:\s+2/);
    await engine.remove(container.id, { force: true });
  });
});

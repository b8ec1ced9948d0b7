import assert from "node:assert/strict";
import { test } from "node:test";
import { examineKernel, type KernelSettings } from "./kernel.ts";
import { parseProbes } from "./probe.ts";

const settings = (change: Partial<KernelSettings> & { readonly values?: Record<string, string> } = {}) => ({
  uid: 1000,
  seccomp: 0,
  sysctl: (name: string) => change.values?.[name],
  ...change,
});

test("probes are lines of a name and a number; anything else is left out", () => {
  const results = parseProbes("userns 0\nmount 1\nnonsense\n../x 3\n", (number) => `E${number}`);
  assert.deepEqual(
    [...results],
    [
      ["userns", undefined],
      ["mount", "E1"],
    ],
  );
});

test("a refused user namespace names the very setting that refuses it", () => {
  const results = new Map([["userns", "EPERM"]]);
  const remedy = (change: Parameters<typeof settings>[0]) =>
    examineKernel(results, settings(change)).find(({ name }) => name === "user namespaces")!.remedy!;
  assert.match(
    remedy({ values: { "kernel/unprivileged_userns_clone": "0" } }),
    /unprivileged_userns_clone=1/,
  );
  assert.match(remedy({ values: { "user/max_user_namespaces": "0" } }), /max_user_namespaces=15000/);
  assert.match(
    remedy({ values: { "kernel/apparmor_restrict_unprivileged_userns": "1" } }),
    /apparmor_restrict_unprivileged_userns=0/,
  );
  assert.match(remedy({ seccomp: 2 }), /seccomp=unconfined/);
});

test("who needs what depends on the user, and what was not tried does not work", () => {
  const needed = (uid: number) =>
    examineKernel(new Map(), settings({ uid })).filter((finding) => finding.needed && !finding.works);
  assert.ok(needed(0).some(({ name }) => name === "mount namespaces"));
  assert.ok(!needed(0).some(({ name }) => name === "user namespaces"));
  assert.ok(needed(1000).some(({ name }) => name === "user namespaces"));
  assert.ok(!needed(1000).some(({ name }) => name === "mount namespaces"));
  for (const finding of needed(0)) assert.ok(finding.without && finding.remedy, finding.name);
});

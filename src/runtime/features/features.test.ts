import assert from "node:assert/strict";
import { test } from "node:test";
import { accepts } from "./acceptance.ts";
import { runtimeFeatures } from "./features.ts";

test("a configuration that asks for nothing is accepted, one that asks for the impossible is not", () => {
  assert.equal(accepts({}), true);
  assert.equal(accepts({ windows: { layerFolders: ["C:\\"] } }), false);
  assert.equal(accepts({ hooks: { prestart: [{ path: "relative" }] } }), false);
});

test("features tells what every container uses, in the document's form", () => {
  const features = runtimeFeatures({ "dev.corten.version": "1" });
  assert.deepEqual([features.ociVersionMin, features.ociVersionMax], ["1.0.0", "1.3.0"]);
  assert.deepEqual(features.annotations, { "dev.corten.version": "1" });
  assert.equal(features.hooks.length, 6);
  for (const option of ["ro", "rro", "bind", "rprivate", "nosymfollow", "tmpcopyup"]) {
    assert.ok(features.mountOptions.includes(option), option);
  }
  const { linux } = features;
  for (const type of ["cgroup", "ipc", "mount", "network", "pid", "time", "uts"]) {
    assert.ok(linux.namespaces.includes(type), type);
  }
  assert.ok(linux.capabilities.includes("CAP_CHECKPOINT_RESTORE"));
  assert.ok(linux.seccomp.enabled && linux.cgroup.v1 && linux.cgroup.v2);
  assert.deepEqual(
    linux.seccomp.archs.filter((name) => !/AARCH64|ARM|X/.test(name)),
    [],
  );
  assert.ok(linux.seccomp.operators.includes("SCMP_CMP_MASKED_EQ"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { compileLaunch, encodePlan, runtimeFeatures } from "../../src/runtime/index.ts";
import { config, launchInput } from "./launch-input.ts";

/**
 * Annotations by which runc, crun, containerd, CRI-O and Kata change how a container is made. They come from images and
 * pods, which are not to be trusted with that.
 */
const annotations: Readonly<Record<string, string>> = {
  "run.oci.seccomp.receiver": "/run/attacker.sock",
  "run.oci.seccomp.plugins": "/rootfs/evil.so",
  "run.oci.seccomp_bpf_data": "BgAAAAAA/38=",
  "run.oci.seccomp_fail_unknown_syscall": "0",
  "run.oci.keep_original_groups": "1",
  "run.oci.pidfd_receiver": "/run/attacker.sock",
  "run.oci.systemd.force_cgroup_v1": "/sys/fs/cgroup",
  "run.oci.systemd.subgroup": "container",
  "run.oci.delegate-cgroup": "sub",
  "run.oci.hooks.stdout": "/etc/passwd",
  "run.oci.hooks.stderr": "/etc/shadow",
  "run.oci.handler": "krun",
  "run.oci.mount_context_type": "rootcontext",
  "org.criu.config": "/etc/criu/evil.conf",
  "krun.cpus": "64",
  "krun.ram_mib": "65536",
  "krun.use_passt": "true",
  "module.wasm.image/variant": "compat",
  "io.kubernetes.cri.container-type": "sandbox",
  "org.systemd.property.CollectMode": "'inactive-or-failed'",
  "org.systemd.property.DeviceAllow": "[('/dev/sda','rw')]",
  bundle: "/",
  "io.kubernetes.cri-o.userns-mode": "host",
  "org.opencontainers.runc.checkpoint.enabled": "false",
};

test("no annotation changes a plan", () => {
  const without = launchInput();
  const expected = Buffer.from(encodePlan(compileLaunch(without).plan));
  for (const [name, value] of [...Object.entries(annotations), ["all of them", ""] as const]) {
    const given = name === "all of them" ? annotations : { [name]: value };
    const { plan, warnings } = compileLaunch(launchInput({ config: config({ annotations: given }) }));
    assert.deepEqual(warnings, [], name);
    assert.ok(Buffer.from(encodePlan(plan)).equals(expected), name);
  }
});

test("hooks are told of annotations and of nothing more", () => {
  const hooks = { prestart: [{ path: "/bin/true" }], poststop: [{ path: "/bin/true" }] };
  const operations = (given?: Readonly<Record<string, string>>) => {
    const change = given === undefined ? { hooks } : { hooks, annotations: given };
    const { sections } = compileLaunch(launchInput({ config: config(change) })).plan;
    return [...sections.host, ...sections.container, ...sections.cleanup];
  };
  const plain = operations();
  const annotated = operations(annotations);
  assert.equal(annotated.length, plain.length);
  for (const [index, operation] of annotated.entries()) {
    if (operation.op !== "hook") assert.deepEqual(operation, plain[index]);
    else assert.deepEqual(JSON.parse(`${operation.before}1${operation.after}`).annotations, annotations);
  }
});

test("what features calls potentially unsafe is what this runtime acts on: nothing, unless the caller says so", () => {
  const { potentiallyUnsafeConfigAnnotations: unsafe } = runtimeFeatures({});
  for (const name of unsafe) {
    const example = Object.keys(annotations).filter((key) =>
      name.endsWith(".") ? key.startsWith(name) : key === name,
    );
    assert.ok(
      example.length > 0,
      `${name} is acted on: it must be proved above to need the caller's consent`,
    );
  }
});

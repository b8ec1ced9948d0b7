import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type BundleConfig, bundleConfig, commandOutput, temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine, type VirtualMachine } from "../support/vm/index.ts";

const timeout = 400_000;
const path = "PATH=/corten/criu:$PATH";
const COUNT = "i=0; until [ -e /shared/stop ]; do i=$((i+1)); echo $i > /shared/n; sleep .1; done; exit 7";

/** Puts Debian's criu, which knows the kernel of the virtual machine, with its libraries into a folder of the share. */
async function shareCriu(folder: string): Promise<void> {
  mkdirSync(folder);
  const program = await commandOutput("sh", ["-c", "PATH=/usr/sbin:/usr/bin command -v criu"]);
  const needed = (await commandOutput("ldd", [program])).matchAll(/(\/\S+) \(0x/g);
  let loader = "";
  for (const [, library] of needed) {
    copyFileSync(library!, join(folder, basename(library!)));
    if (basename(library!).startsWith("ld-")) loader = basename(library!);
  }
  copyFileSync(program, join(folder, "criu.real"));
  const line = `exec /corten/criu/${loader} --library-path /corten/criu /corten/criu/criu.real "$@"`;
  writeFileSync(join(folder, "criu"), `#!/bin/sh\n${line}\n`);
  chmodSync(join(folder, "criu"), 0o755);
}

describe("checkpoint and restore with cgroup v2", () => {
  const scratch = temporaryDirectory("share");
  let vm: VirtualMachine;
  const bundle = (name: string, change: (config: BundleConfig) => void) => {
    const config = bundleConfig(["sh", "-c", COUNT]);
    config.root = { path: "/corten/bundle/rootfs", readonly: true };
    config.mounts.push({ destination: "/shared", type: "bind", source: "/run/shared", options: ["bind"] });
    // What locks the network of a namespace is not on this disk.
    config.linux["namespaces"] = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
    change(config);
    mkdirSync(join(scratch.path, name));
    writeFileSync(join(scratch.path, name, "config.json"), JSON.stringify(config));
  };

  before(
    async () => {
      makeShare(scratch.path);
      mkdirSync(join(scratch.path, "bundle/rootfs/shared"), { recursive: true });
      await shareCriu(join(scratch.path, "criu"));
      bundle("plain", ({ linux }) => Object.assign(linux, { cgroupsPath: "/boxes/plain" }));
      bundle("scope", ({ linux }) => Object.assign(linux, { cgroupsPath: "boxes.slice:ct:scope" }));
      vm = await startVirtualMachine({ share: scratch.path, systemd: true, bootTimeoutMs: 300_000 });
    },
    { timeout },
  );
  after(async () => {
    await vm?.[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  const group = { plain: "boxes/plain", scope: "boxes.slice/ct-scope.scope" };
  for (const [name, option] of [
    ["plain", ""],
    ["scope", "--systemd-cgroup"],
  ] as const) {
    it(`a container goes on in its control group: ${name}`, { timeout }, async () => {
      const oci = `${path} /corten/dist/corten-oci ${option}`;
      const quiet = "</dev/null >/dev/null 2>&1";
      const images = `--image-path /run/images-${name}`;
      await vm.output(
        `rm -rf /run/shared; mkdir /run/shared; ${oci} run -d -b /corten/${name} ${name} ${quiet}; sleep 1`,
      );
      const dumped = await vm.run(`${oci} pause ${name} && ${oci} checkpoint ${images} ${name} 2>&1`);
      assert.deepEqual([dumped.exitCode, dumped.stdout], [0, ""]);
      const before = Number(await vm.output("cat /run/shared/n"));
      const restore = `${oci} restore -b /corten/${name} ${images} ${name}`;
      const [code, said] = [`/run/code-${name}`, `/run/said-${name}`];
      await vm.output(`(${restore} </dev/null >${said} 2>&1; echo $? >${code}) ${quiet} &`);
      const running = `${oci} state ${name} 2>&1 | grep -q running`;
      const report = `cat ${said}; ! grep -h Error /run/images-${name}/restore.log`;
      assert.equal(await vm.output(`until [ -s ${code} ] || ${running}; do sleep .2; done; ${report}`), "");
      const state = JSON.parse(await vm.output(`${oci} state ${name}`)) as { status: string; pid: number };
      assert.equal(state.status, "running");
      await vm.output(`until [ $(cat /run/shared/n || echo 0) -gt ${before} ]; do sleep .1; done`);
      const members = `cat /sys/fs/cgroup/${group[name]}/cgroup.procs`;
      assert.ok((await vm.output(members)).split("\n").includes(`${state.pid}`));
      await vm.output(`touch /run/shared/stop; until [ -s ${code} ]; do sleep .1; done`);
      assert.equal(await vm.output(`cat ${code}`), "7");
      assert.match((await vm.run(`${oci} state ${name}`)).stdout, /container does not exist/);
      await vm.output(`until [ ! -e /sys/fs/cgroup/${group[name]} ]; do sleep .1; done`);
    });
  }
});

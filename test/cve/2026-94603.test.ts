import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "../support/index.ts";
import { attack, type Lab } from "./harness/index.ts";

const EVIL = {
  "io.podman.annotations.checkpoint.runtime.name": "corten-oci",
  "io.podman.annotations.privileged": "TRUE",
  "io.kubernetes.cri-o.Devices": "/dev/sda",
  "run.oci.handler": "krun",
  "org.systemd.property.SuccessAction": "'none'",
};

/** Writes an image whose index, manifest and configuration ask for what no image may. Returns the archive. */
async function evilImage(lab: Lab): Promise<string> {
  const layout = lab.volume("layout");
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const add = (content: Uint8Array, mediaType: string) => {
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const tar = join(lab.directory, "layer.tar");
  await commandOutput("tar", ["-C", lab.rootfs, "-cf", tar, "."]);
  const layer = add(readFileSync(tar), "application/vnd.oci.image.layer.v1.tar");
  const config = add(
    json({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Env: ["PATH=/bin"], Labels: EVIL },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = add(
    json({ schemaVersion: 2, mediaType, config, layers: [layer], annotations: EVIL }),
    mediaType,
  );
  const named = { ...EVIL, "org.opencontainers.image.ref.name": "corten-test/evil:1" };
  writeFileSync(
    join(layout, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations: named }], annotations: EVIL }),
  );
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const archive = join(lab.directory, "evil.tar");
  await commandOutput("tar", ["-C", layout, "-cf", archive, "."]);
  return archive;
}

attack({
  ids: ["CVE-2026-94603"],
  mechanism: "an annotation of the image makes `run` take it for a checkpoint, and the sandbox is off",
  immune: "nothing in an image's labels or annotations reaches isolation (src/engine/spec/)",
  engineCases: {
    "corten run of an image full of annotations is isolated like every one": async (lab) => {
      const loaded = await lab.corten("load", "--quiet", "--input", await evilImage(lab));
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const types = ["mnt", "pid", "net", "ipc", "uts"];
      const links = types.map((type) => `readlink /proc/self/ns/${type}`).join("; ");
      const script = `${links}; grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; ls /dev`;
      const run = await lab.corten("run", "--rm", "corten-test/evil:1", "sh", "-c", script);
      assert.equal(run.exitCode, 0, run.stderr);
      const lines = run.stdout.split("\n");
      for (const [index, type] of types.entries()) {
        assert.notEqual(lines[index], readlinkSync(`/proc/self/ns/${type}`), type);
      }
      assert.doesNotMatch(run.stdout, /sda|CapEff:\t0+1ffffffffff/);
    },
  },
});

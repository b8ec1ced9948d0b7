import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  command,
  commandOutput,
  corten,
  isInstalled,
  isRoot,
  makeBusyboxImage,
  temporaryDirectory,
} from "../../support/index.ts";
import { Daemon } from "./daemon.ts";

describe("Docker's store as a place", { skip: !isRoot || !isInstalled("dockerd"), timeout: 120_000 }, () => {
  const scratch = temporaryDirectory("docker-images");
  const at = (name: string): string => join(scratch.path, name);
  const env = { DOCKER_HOST: `unix://${at("docker.sock")}` };
  const copy = (...args: string[]) =>
    commandOutput(corten, ["--root", at("data"), "copy", "-q", ...args], { env });
  let daemon: Daemon;

  before(async () => {
    const places = ["--host", env.DOCKER_HOST, "--data-root", at("docker"), "--exec-root", at("x")];
    const quiet = ["--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"];
    // Mounts and a network of its own: the machine's firewall and interfaces stay as they are.
    const args = ["--mount", "--net", "dockerd", ...places, "--pidfile", at("pid"), ...quiet];
    daemon = new Daemon("unshare", args, at("log"));
    await daemon.ready("docker", ["--host", env.DOCKER_HOST, "version"]);
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("an image goes there and comes back with its configuration", async () => {
    await copy(`docker-archive:${at("busybox.tar")}`, `oci:${at("layout")}:1`);
    await copy(`oci:${at("layout")}:1`, "docker-daemon:from/corten:1");
    await copy("docker-daemon:from/corten:1", `oci:${at("back")}:1`);
    const config = (place: string) => commandOutput("skopeo", ["inspect", "--config", "--raw", place]);
    assert.equal(await config(`oci:${at("back")}:1`), await config(`oci:${at("layout")}:1`));
    const missing = await command(corten, ["copy", "docker-daemon:none:1", `dir:${at("no")}`], { env });
    assert.match(missing.stderr, /read docker-daemon:none:1: docker failed: .*does not exist|No such image/);
  });
});

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { command, commandOutput, cortenOci, isInstalled, temporaryDirectory } from "../support/index.ts";

type Config = {
  ociVersion: string;
  hostname: string;
  process: { capabilities: Record<string, unknown> };
  linux: { namespaces: Array<{ type: string }> };
};

describe("corten-oci spec", () => {
  test("writes what runc writes, but for what newer versions of runc changed", {
    skip: !isInstalled("runc"),
  }, async () => {
    using scratch = temporaryDirectory();
    const file = join(scratch.path, "config.json");
    await commandOutput("runc", ["spec", "-b", scratch.path]);
    const theirs = JSON.parse(readFileSync(file, "utf8")) as Config;
    await commandOutput("rm", [file]);
    await commandOutput(cortenOci, ["spec", "-b", scratch.path]);
    const ours = JSON.parse(readFileSync(file, "utf8")) as Config;

    assert.match(ours.ociVersion, /^1\./);
    assert.equal(ours.hostname, "corten");
    // Since 1.2 runc writes no ambient set; on cgroup v1 it writes no cgroup namespace.
    delete theirs.process.capabilities["ambient"];
    const withoutCgroup = (config: Config) => config.linux.namespaces.filter(({ type }) => type !== "cgroup");
    assert.deepEqual(withoutCgroup(ours), withoutCgroup(theirs));
    const same = { ociVersion: "", hostname: "" };
    assert.deepEqual(
      { ...ours, ...same, linux: { ...ours.linux, namespaces: [] } },
      { ...theirs, ...same, linux: { ...theirs.linux, namespaces: [] } },
    );
  });

  test("writes what runc writes for an ordinary user", { skip: !isInstalled("runc") }, async () => {
    using scratch = temporaryDirectory();
    const file = join(scratch.path, "config.json");
    type Rootless = Config & { mounts: unknown[]; linux: Record<string, unknown> };
    await commandOutput("runc", ["spec", "--rootless", "-b", scratch.path]);
    const theirs = JSON.parse(readFileSync(file, "utf8")) as Rootless;
    await commandOutput("rm", [file]);
    await commandOutput(cortenOci, ["spec", "--rootless", "-b", scratch.path]);
    const ours = JSON.parse(readFileSync(file, "utf8")) as Rootless;
    const part = ({ mounts, linux }: Rootless) => ({
      mounts,
      uidMappings: linux["uidMappings"],
      gidMappings: linux["gidMappings"],
      resources: linux["resources"],
      types: linux.namespaces.map(({ type }) => type).filter((type) => type !== "cgroup"),
    });
    assert.deepEqual(part(ours), part(theirs));
  });

  test("into the working directory, and never over a file that is there", async () => {
    using scratch = temporaryDirectory();
    const first = await command(cortenOci, ["spec"], { cwd: scratch.path });
    assert.equal(first.exitCode, 0, first.stderr);
    const file = join(scratch.path, "config.json");
    const { mtimeMs } = statSync(file);
    const second = await command(cortenOci, ["spec"], { cwd: scratch.path });
    assert.equal(second.exitCode, 1);
    assert.match(second.stderr, /^corten-oci: error: .*config\.json exists/);
    assert.equal(statSync(file).mtimeMs, mtimeMs);
  });
});

describe("what callers parse", () => {
  test("--version: go-runc reads `version ` and `: `", async () => {
    const output = await commandOutput(cortenOci, ["--version"]);
    assert.match(output, /^corten-oci version \d+\.\d+\.\d+\ncommit: \S+\nspec: 1\.\d\.\d$/);
  });

  test("an error is the last line of a JSON log, and plain on stderr", async () => {
    using scratch = temporaryDirectory();
    const log = join(scratch.path, "log.json");
    const root = join(scratch.path, "state");
    const { exitCode, stderr } = await command(cortenOci, [
      ...["--root", root, "--log", log, "--log-format", "json"],
      ...["state", "nobody"],
    ]);
    assert.equal(exitCode, 1);
    const last = JSON.parse(readFileSync(log, "utf8").trimEnd().split("\n").at(-1)!);
    assert.deepEqual(Object.keys(last), ["level", "msg", "time"]);
    assert.equal(last.level, "error");
    assert.match(last.msg, /container does not exist/);
    assert.match(stderr, /^.*container does not exist.*\n$/);
  });

  test("without --log stderr has the message, not escaped, so that phrases are found in it", async () => {
    using scratch = temporaryDirectory();
    const global = ["--root", scratch.path];
    const { stderr } = await command(cortenOci, [...global, "kill", "nobody", "9"]);
    assert.equal(stderr, "corten-oci: error: container does not exist\n");
    const json = await command(cortenOci, [...global, "--log-format", "json", "kill", "nobody", "9"]);
    assert.equal(JSON.parse(json.stderr).msg, "container does not exist");
  });
});

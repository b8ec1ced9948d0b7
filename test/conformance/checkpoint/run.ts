/**
 * Checkpoint and restore with a criu that knows this kernel, by command line and through the engines.
 *
 *     CRIU=/path/to/criu npm run test:checkpoint             # or the name of one file: npm run test:checkpoint podman
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "../../../scripts/build/build.ts";
import { isRoot } from "../../support/index.ts";

const FILES = ["command-line", "lazy-pages", "podman", "containerd", "docker"];

function explain(): string | undefined {
  const program = process.env["CRIU"];
  if (program === undefined || program === "") return "CRIU must name a criu: its path";
  if (!isRoot) return "checkpoint and restore need root";
  accessSync(program, constants.X_OK);
  const { status, stdout, stderr } = spawnSync(program, ["check"], { encoding: "utf8" });
  return status === 0 ? undefined : `${program} does not work with this kernel: ${stdout}${stderr}`;
}

const problem = explain();
if (problem !== undefined) {
  console.error(problem);
  process.exit(2);
}
await build(["native", "image", "executable"]);
const only = process.argv.slice(2);
const files = FILES.filter((name) => only.length === 0 || only.includes(name));
const directory = dirname(resolve(process.env["CRIU"]!));
const { status } = spawnSync(
  process.execPath,
  ["test", "--timeout", "300000", ...files.map((name) => join(import.meta.dirname, `${name}.ts`))],
  { stdio: "inherit", env: { ...process.env, PATH: `${directory}:${process.env["PATH"]}` } },
);
process.exitCode = status ?? 1;

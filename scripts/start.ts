/**
 * The demonstration behind `npm start`: builds Corten, then runs a container of the embedded image and a
 * command in this machine's own file system under a throw-away overlay, and shows that nothing stays.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build/build.ts";
import { dist } from "./repository.ts";

const scratch = mkdtempSync(join(tmpdir(), "corten-start-"));
const stores = ["--root", join(scratch, "data"), "--run-root", join(scratch, "run")];
let step = 0;

/** Prints the step's title, does it, and prints its time. */
async function show<Result>(title: string, action: () => Result | Promise<Result>): Promise<Result> {
  step++;
  console.log(`\n[${step}] ${title}`);
  const started = performance.now();
  const result = await action();
  console.log(`    ${(performance.now() - started).toFixed(1)} ms`);
  return result;
}

/** Runs dist/corten, printing what it prints; throws when it does not exit with 0. */
function corten(...args: string[]): void {
  // One pipe for both, so that the lines come in the order in which they were written.
  const child = spawnSync("sh", ["-c", 'exec "$@" 2>&1', "sh", join(dist, "corten"), ...stores, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (child.error) throw child.error;
  for (const line of child.stdout.trimEnd().split("\n")) console.log(`    │ ${line}`);
  if (child.status !== 0) throw new Error(`corten ${args[0]} exited with ${child.status ?? child.signal}`);
}

const mountTable = () => readFileSync("/proc/self/mountinfo", "utf8");

try {
  await show("build: the C programs, the embedded image and the executable", () => build());
  const mounts = mountTable();

  await show(
    "corten run --rm corten/hello\n    the embedded image, first start: its layers become EROFS images",
    () => corten("run", "--rm", "corten/hello"),
  );
  await show("corten run --rm corten/hello\n    again: the layers are there", () =>
    corten("run", "--rm", "corten/hello"),
  );

  const trace = "/root/written-by-corten-start";
  const script = `echo "I am $(id -un), process $$ on $(hostname)"; echo data > ${trace} && ls -l ${trace}`;
  await show(
    `corten run --rm --rootfs /:O -- sh -c '${script}'\n    this machine's own file system, under an overlay that goes away`,
    () => corten("run", "--rm", "--rootfs", "/:O", "--", "sh", "-c", script),
  );

  await show("what stayed", () => {
    if (existsSync(trace)) throw new Error(`${trace} was written to the host`);
    console.log(`    ${trace}: not on the host`);
    if (mountTable() !== mounts) throw new Error("the host's mount table changed");
    console.log("    the host's mount table: unchanged");
  });
  console.log("\nAll of it worked. Try dist/corten --help.");
} catch (error) {
  console.error(`\nstep ${step} failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

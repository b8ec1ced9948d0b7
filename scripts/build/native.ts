import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { capture, dist, run } from "../repository.ts";
import type { Step } from "./step.ts";

const programs = ["corten-init", "corten-front", "corten-probe", "corten-monitor", "hello"];

/** The C programs, by the system's compiler: static, so that they run in any root file system. */
export function nativeStep(): Step {
  const front = join(dist, "corten-oci");
  const compiler = process.env["CC"] ?? "cc";
  const { exitCode, stdout } = capture("sh", ["-c", `${compiler} --version; uname -m`]);
  if (exitCode !== 0) throw new Error(`no C compiler: install gcc and make, or set CC (tried ${compiler})`);
  return {
    name: "native",
    inputs: ["native"],
    facts: [stdout, process.env["CFLAGS"] ?? ""],
    outputs: [front, ...programs.map((program) => join(dist, "native", program))],
    make() {
      const code = run("make", ["--silent", "-C", "native", `OUT=../dist/native`, `CC=${compiler}`, "all"]);
      if (code !== 0) throw new Error(`make -C native exited with ${code}`);
      // It looks for the other programs from where it lies itself.
      const fresh = `${front}.${process.pid}`;
      copyFileSync(join(dist, "native/corten-front"), fresh);
      renameSync(fresh, front);
    },
  };
}

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isOurs, repository, runtime } from "../support/index.ts";
import { attack, type Lab } from "./harness/index.ts";

const PTRACE = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_KILL"];

/** Puts a copy of the runtime into the lab, as what is attacked is its program file. Returns the files' digests. */
function copyRuntime(lab: Lab): () => string[] {
  const folder = lab.volume("programs");
  if (isOurs) {
    mkdirSync(join(folder, "native"));
    for (const name of ["corten", "corten-oci"]) cpSync(join(repository, "dist", name), join(folder, name));
    for (const name of ["corten-init", "corten-front"]) {
      copyFileSync(join(repository, "dist/native", name), join(folder, "native", name));
    }
    lab.program = join(folder, "corten-oci");
  } else {
    lab.program = join(folder, "runtime");
    const path = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"].map((at) =>
      join(at, runtime),
    );
    copyFileSync(runtime.includes("/") ? runtime : path.find(existsSync)!, lab.program);
  }
  return () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((file) => `${file} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`);
}

attack({
  ids: ["CVE-2019-5736"],
  mechanism:
    "the container opens /proc/PID/exe of the runtime's process inside it and overwrites the host's program",
  immune:
    "the executor starts again from a sealed copy in memory before it touches anything of the container (native/init/seal.c)",
  cases: {
    "an entrypoint that is the runtime itself, and a process that overwrites what runs": async (lab) => {
      const digests = copyRuntime(lab);
      const before = digests();
      lab.write("bin/self", "#!/proc/self/exe\n", 0o755);
      const id = await lab.start(["probe", "spy", lab.canary.path, "60000"], ({ process }) => {
        process["capabilities"] = { bounding: PTRACE, effective: PTRACE, permitted: PTRACE };
      });
      for (let entry = 0; entry < 15; entry++) await lab.exec(id, ["/bin/self"]);
      await lab.run(["/bin/self"]);
      assert.doesNotMatch(lab.output(), /OVERWRITTEN/);
      assert.deepEqual(digests(), before);
    },
  },
});

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { capture, root } from "../repository.ts";

/** Reads test/debian-packages.txt: the packages of tests, and of benches too when asked. */
export function parsePackages(text: string, withBench: boolean): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "" && (withBench || !line.startsWith("bench:")))
    .map((line) => line.replace(/^bench:\s*/, ""));
}

/**
 * Sees to it that the Debian packages are there: as root it installs the missing ones, otherwise it throws and
 * names them.
 */
export function ensurePackages({ withBench = false } = {}): void {
  const wanted = parsePackages(readFileSync(join(root, "test/debian-packages.txt"), "utf8"), withBench);
  const missing = missingOf(wanted);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) throw new Error(`Debian packages are missing; as root: ${command}`);
  console.log(`installing Debian packages: ${missing.join(" ")}`);
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...missing);
  const stillMissing = missingOf(wanted);
  if (stillMissing.length > 0) throw new Error(`apt-get did not install ${stillMissing.join(" ")}`);
}

function missingOf(wanted: readonly string[]): string[] {
  const query = ["--show", `--showformat=\${Package} \${db:Status-Status}\\n`, ...wanted];
  const { stdout } = capture("dpkg-query", query);
  const installed = new Set(
    stdout.split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  return wanted.filter((name) => !installed.has(name));
}

function apt(...args: string[]): void {
  const child = spawnSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=120", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (child.error) throw child.error;
  if (child.status !== 0) {
    throw new Error(`apt-get ${args.join(" ")} exited with ${child.status}: ${child.stderr.slice(-2000)}`);
  }
}

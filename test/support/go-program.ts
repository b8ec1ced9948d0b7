import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "./command.ts";
import { repository } from "./programs.ts";

const compiler = ["/usr/local/go/bin/go", "/usr/bin/go", "/usr/local/bin/go"].find((path) =>
  existsSync(path),
);

/** Whether programs can be built from Go modules, for `test("…", { skip: !hasGo }, …)`. */
export const hasGo = compiler !== undefined;

/**
 * The path of a peer that no Debian package has, built once from a published Go module and kept in .cache/.
 *
 * @param command its import path with the version, e.g. `oras.land/oras/cmd/oras@v1.3.6`
 */
export async function goProgram(command: string): Promise<string> {
  const [path = "", version = ""] = command.split("@");
  const name = path.split("/").at(-1)!;
  const cached = join(repository, ".cache/go", `${name}-${version}`);
  if (existsSync(cached)) return cached;
  if (compiler === undefined) throw new Error(`there is no Go compiler to build ${command}`);
  const unique = join(repository, ".cache/go", `build-${process.pid}`);
  mkdirSync(unique, { recursive: true });
  const env = { GOBIN: unique, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" };
  await commandOutput(compiler, ["install", command], { env, timeoutMs: 600_000 });
  renameSync(join(unique, name), cached);
  return cached;
}

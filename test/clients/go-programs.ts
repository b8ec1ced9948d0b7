import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../support/index.ts";

/** Programs that the Go module proxy serves, each in the version that the tests were written for. */
const packages = {
  // The last one with both forms of signatures, and with `copy`, `attach` and `triangulate`. Six minutes of processor time.
  cosign: "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5",
  crane: "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
  helm: "helm.sh/helm/v3/cmd/helm@v3.22.0",
  oras: "oras.land/oras/cmd/oras@v1.3.6",
  regctl: "github.com/regclient/regclient/cmd/regctl@v0.11.7",
} as const;

/** The name of such a program. */
export type GoProgram = keyof typeof packages;

const directory = join(repository, ".cache/go-programs");

/** Builds a program once from the module of that name, and returns its path. A first build takes minutes. */
export function goProgram(name: GoProgram): string {
  const version = packages[name].slice(packages[name].indexOf("@") + 1);
  const path = join(directory, `${name}-${version}`);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  execFileSync("go", ["install", packages[name]], {
    cwd: directory,
    env: { ...process.env, CGO_ENABLED: "0", GOBIN: directory, GOFLAGS: "", GOWORK: "off" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  renameSync(join(directory, name), path);
  return path;
}

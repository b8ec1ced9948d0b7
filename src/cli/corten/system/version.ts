import { release } from "node:os";
import { print } from "../../terminal/stream.ts";
import { runtimeSpecVersion, version } from "../../version.ts";
import { printDetails } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { versionOptions } from "../table/system.ts";

/** `corten version` */
export function run({ options, globals }: CortenCall<typeof versionOptions>): number {
  const details = {
    Version: version,
    RuntimeSpec: runtimeSpecVersion,
    ImageSpec: "1.1.1",
    DistributionSpec: "1.1.1",
    JavaScript: process.versions["bun"] ? `bun ${process.versions["bun"]}` : `node ${process.versions.node}`,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
    KernelVersion: release(),
  };
  printDetails(details, options.format ?? globals.format, () => {
    print(`corten version ${details.Version}`);
    print(`  runtime specification       ${details.RuntimeSpec}`);
    print(`  image specification         ${details.ImageSpec}`);
    print(`  distribution specification  ${details.DistributionSpec}`);
    print(`  built with                  ${details.JavaScript}`);
    print(`  platform                    ${details.Os}/${details.Arch}, kernel ${details.KernelVersion}`);
  });
  return 0;
}

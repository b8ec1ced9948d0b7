import { cpus, hostname, totalmem } from "node:os";
import { hostFacts } from "../../../host/index.ts";
import { listImages } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { styleOf } from "../../terminal/style.ts";
import { formatBinarySize } from "../../terminal/units.ts";
import { version } from "../../version.ts";
import { openImageStore } from "../images/store.ts";
import { printDetails } from "../listing.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";
import type { infoOptions } from "../table/system.ts";
import {
  readKernelFeatures,
  readOperatingSystem,
  readSecurityOptions,
  readStorageFacts,
} from "./features.ts";
import { findRuntimes } from "./runtimes.ts";

/** `corten system info`; JSON has docker's names where docker has them. */
export async function run(call: CortenCall<typeof infoOptions>): Promise<number> {
  const details = await gather(call);
  printDetails(details, call.options.format ?? call.globals.format, () => printInfo(details));
  return 0;
}

type Details = Awaited<ReturnType<typeof gather>>;

async function gather(call: CortenCall<typeof infoOptions>) {
  await using engine = openSession(call);
  using store = openImageStore(call);
  const facts = hostFacts();
  const containers = await engine.list({ all: true });
  const running = containers.filter(({ state }) => state === "running").length;
  const runtimes = await findRuntimes();
  const { mode, hierarchies } = facts.cgroups;
  return {
    ServerVersion: version,
    Containers: containers.length,
    ContainersRunning: running,
    ContainersStopped: containers.length - running,
    Images: listImages(store).length,
    DefaultRuntime: "corten",
    Runtimes: [{ name: "corten", kind: "oci", path: process.execPath, version }, ...runtimes],
    Storage: readStorageFacts(engine.root, facts),
    RunRoot: engine.runRoot,
    CgroupDriver: "cgroupfs",
    CgroupVersion: mode === "unified" ? "2" : mode === "none" ? "none" : "1",
    CgroupMode: mode,
    CgroupControllers: hierarchies.flatMap(({ controllers }) => controllers),
    KernelVersion: facts.kernel.release,
    KernelFeatures: readKernelFeatures(facts),
    SecurityOptions: readSecurityOptions(),
    OperatingSystem: readOperatingSystem(),
    OSType: "linux",
    Architecture: process.arch === "x64" ? "x86_64" : process.arch,
    NCPU: cpus().length,
    MemTotal: totalmem(),
    Name: hostname(),
    Rootless: facts.uid !== 0,
    StorageDriver: engine.storageDriver,
    Limitations: engine.limitations,
  };
}

function printInfo(details: Details): void {
  const { bold, dim, green, red } = styleOf(1);
  const line = (name: string, value: string | number) => print(` ${`${name}:`.padEnd(20)} ${value}`);
  const { Storage: storage } = details;
  print(bold("Corten"));
  line("Version", details.ServerVersion);
  line("Containers", `${details.Containers} (${details.ContainersRunning} running)`);
  line("Images", details.Images);
  print(bold("Runtimes"));
  line("Default Runtime", details.DefaultRuntime);
  for (const { name, path, version: text, kind } of details.Runtimes) {
    line(name, `${text ?? "no version"} ${dim(`${path}${kind === "oci" ? "" : `, ${kind}`}`)}`);
  }
  print(bold("Storage"));
  line("Driver", details.StorageDriver);
  line("Root", `${storage.root} (${storage.backing})`);
  line("Space", `${formatBinarySize(storage.freeBytes)} free of ${formatBinarySize(storage.totalBytes)}`);
  line("EROFS", storage.erofs);
  line("Overlay", storage.overlay ? "available" : "not available");
  line("Run Root", details.RunRoot);
  print(bold("Control groups"));
  line("Cgroup Version", `${details.CgroupVersion} (${details.CgroupMode})`);
  line("Cgroup Driver", details.CgroupDriver);
  line("Controllers", details.CgroupControllers.join(" "));
  print(bold("Host"));
  line("Name", details.Name);
  line("Operating System", details.OperatingSystem);
  line("Kernel Version", details.KernelVersion);
  line("Architecture", details.Architecture);
  line("CPUs", details.NCPU);
  line("Total Memory", formatBinarySize(details.MemTotal));
  line("Rootless", String(details.Rootless));
  for (const limitation of details.Limitations) line("Limitation", limitation);
  line("Security Options", details.SecurityOptions.join(", "));
  print(bold("Kernel features"));
  for (const { name, since, present } of details.KernelFeatures) {
    line(name, present ? green("yes") : red(`no, needs ${since}`));
  }
}

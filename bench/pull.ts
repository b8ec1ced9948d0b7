import { join } from "node:path";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { type ImageShape, largeImage, transportedBytes } from "./harness/large-image.ts";
import { processorTimeOfAll } from "./harness/processor-time.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { startContainerd } from "./peers/containerd.ts";
import { cortenWith } from "./peers/corten.ts";
import { docker, startDocker } from "./peers/docker.ts";
import { freshStore, withFreshDaemon } from "./peers/fresh-store.ts";
import { podmanArguments } from "./peers/podman.ts";
import { startDockerRegistry } from "./peers/registries.ts";

const peers = ["skopeo+umoci", "podman", "ctr", "docker"];
/** Those of Debian 12 that read layers packed with zstd in OCI images. */
const zstdPeers = ["podman", "ctr"];

/** From a registry on loopback to a root file system that can be run: each time into an empty store. */
function pullBench(
  name: string,
  title: string,
  limit: number,
  shape?: Omit<ImageShape, "name">,
  rounds = 3,
): Bench {
  return {
    name,
    title,
    seconds: 240,
    budgets: [{ ours: "corten", peers, limit }],
    async measure(scratch) {
      const layout = shape === undefined ? largeImage() : largeImage({ name: `bench-${name}`, ...shape });
      console.log(`  ${(transportedBytes(layout) / 1e6).toFixed(0)} MB as transported`);
      await using registry = await startDockerRegistry(join(scratch, "registry"));
      const reference = `127.0.0.1:${registry.port}/bench:1`;
      mustRun("skopeo", "copy", "--dest-tls-verify=false", `oci:${layout}:bench`, `docker://${reference}`);
      const processorTime = () => processorTimeOfAll([registry.pid]);
      const able = ["corten", ...(shape?.compression === "zstd" ? zstdPeers : peers)];
      const all = contestants(scratch, reference)
        .filter((contestant) => able.includes(contestant.name))
        .map((contestant) => ({ ...contestant, processorTime }));
      return await timeInTurn(all, { rounds, warmUp: 1 });
    },
  };
}

export const pull = pullBench("pull", "Pull and unpack a 300 MB image from a local registry", 0.5);

/** The other shapes that images have. */
export const pullShapes: readonly Bench[] = [
  pullBench("pull-layer", "Pull and unpack one layer of 400 MB of real files", 0.3, gzip(1, 400)),
  pullBench(
    "pull-random",
    "Pull and unpack one layer of 300 MB that cannot be compressed",
    0.3,
    gzip(1, 300, "random"),
  ),
  pullBench("pull-10", "Pull and unpack ten layers of 30 MB", 0.5, gzip(10, 30)),
  pullBench("pull-40", "Pull and unpack forty layers of 10 MB", 0.5, gzip(40, 10)),
  pullBench("pull-40-zstd", "Pull and unpack forty zstd layers of 10 MB", 0.5, zstd(40, 10)),
  pullBench("pull-zstd", "Pull and unpack four zstd layers of 100 MB", 0.5, zstd(4, 100)),
  pullBench("pull-small", "Pull and unpack 20,000 small files", 0.5, gzip(1, 39, "small")),
  pullBench(
    "pull-2gb",
    "Pull and unpack one layer of 2 GB that cannot be compressed",
    0.3,
    gzip(1, 2000, "random"),
    1,
  ),
];

/** So many gzip layers of so many megabytes. */
function gzip(
  layers: number,
  megabytes: number,
  content: ImageShape["content"] = "usr",
): Omit<ImageShape, "name"> {
  return { layers, layerBytes: megabytes * 2 ** 20, compression: "gzip", content };
}

function zstd(layers: number, megabytes: number): Omit<ImageShape, "name"> {
  return { ...gzip(layers, megabytes), compression: "zstd" };
}

function contestants(scratch: string, reference: string): Contestant[] {
  const space = (name: string) => join(scratch, name);
  const corten = cortenWith(space("corten"));
  const podman = podmanArguments(space("podman"));
  return [
    {
      name: "corten",
      ...freshStore(space("corten")),
      run: () => mustRun(corten.program, ...corten.args, "pull", reference),
    },
    {
      name: "skopeo+umoci",
      ...freshStore(space("umoci")),
      run() {
        const target = `${space("umoci")}/layout:bench`;
        mustRun("skopeo", "copy", "--src-tls-verify=false", `docker://${reference}`, `oci:${target}`);
        mustRun("umoci", "unpack", "--image", target, `${space("umoci")}/bundle`);
      },
    },
    {
      name: "podman",
      ...freshStore(space("podman")),
      run: () => mustRun("podman", ...podman, "pull", "--tls-verify=false", reference),
      finish() {
        // Podman leaves its store mounted on itself.
        mustRun("podman", ...podman, "system", "reset", "--force");
        freshStore(space("podman")).finish();
      },
    },
    withFreshDaemon("ctr", space("containerd"), startContainerd, (args) =>
      mustRun("ctr", ...args, "images", "pull", "--plain-http", reference),
    ),
    withFreshDaemon("docker", space("docker"), startDocker, (args) =>
      mustRun(docker, ...args, "pull", reference),
    ),
  ];
}

if (import.meta.main) await runBenches([pull, ...pullShapes]);

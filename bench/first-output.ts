import { spawn } from "node:child_process";
import { join } from "node:path";
import { makeBusyboxImage } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { processorTimeOfAll } from "./harness/processor-time.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { startContainerd } from "./peers/containerd.ts";
import { cortenWith } from "./peers/corten.ts";
import { docker, startDocker } from "./peers/docker.ts";
import { freshStore, withFreshDaemon } from "./peers/fresh-store.ts";
import { podmanArguments } from "./peers/podman.ts";
import { startDockerRegistry } from "./peers/registries.ts";

/** ctr has no command that does both; the registry's name is $0. */
const pullAndRun =
  'ctr "$@" images pull --plain-http "$0" >&2 && exec ctr "$@" run --rm "$0" bench /bin/echo hello';

/** From the command line to the first byte that the container says, of an image that only the registry has. */
export const firstOutput: Bench = {
  name: "first-output",
  title: "Run an image that is not there yet, until its first output",
  seconds: 60,
  budgets: [{ ours: "corten", peers: ["podman", "docker", "ctr"], limit: 0.5 }],
  async measure(scratch) {
    await using registry = await startDockerRegistry(join(scratch, "registry"));
    const reference = `127.0.0.1:${registry.port}/busybox:1`;
    const archive = join(scratch, "image.tar");
    await makeBusyboxImage(archive, "bench/busybox:1");
    mustRun(
      "skopeo",
      "copy",
      "--dest-tls-verify=false",
      `docker-archive:${archive}`,
      `docker://${reference}`,
    );
    const processorTime = () => processorTimeOfAll([registry.pid]);
    const all = contestants(scratch, reference).map((contestant) => ({ ...contestant, processorTime }));
    return await timeInTurn(all, { rounds: 5, warmUp: 1 });
  },
};

function contestants(scratch: string, reference: string): Contestant[] {
  const space = (name: string) => join(scratch, name);
  const corten = cortenWith(space("corten"));
  const podman = podmanArguments(space("podman"));
  const run = ["run", "--rm", "--network", "none"];
  const say = [reference, "/bin/echo", "hello"];
  return [
    {
      name: "corten",
      ...freshStore(space("corten")),
      run: () => untilOutput(corten.program, ...corten.args, ...run, ...say),
    },
    {
      name: "podman",
      ...freshStore(space("podman")),
      run: () => untilOutput("podman", ...podman, ...run, "--tls-verify=false", ...say),
      finish() {
        // Podman leaves its store mounted on itself.
        mustRun("podman", ...podman, "system", "reset", "--force");
        freshStore(space("podman")).finish();
      },
    },
    withFreshDaemon("docker", space("docker"), startDocker, (args) =>
      untilOutput(docker, ...args, ...run, ...say),
    ),
    withFreshDaemon("ctr", space("ctr"), startContainerd, (args) =>
      untilOutput("sh", "-c", pullAndRun, reference, ...args),
    ),
  ].map((contestant: Contestant) => ({
    ...contestant,
    async finish() {
      await ended;
      await contestant.finish?.();
    },
  }));
}

/** When the command that was started last is over. */
let ended: Promise<unknown> = Promise.resolve();

/** Resolves with the first bytes that a command writes to its standard output; throws when they are not the container's. */
function untilOutput(program: string, ...args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-500);
  });
  return new Promise((resolve, reject) => {
    ended = new Promise((done) => child.once("close", done));
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${program} exited with ${code}: ${said}`)));
    child.stdout.once("data", (chunk: Buffer) => {
      if (chunk.toString().startsWith("hello")) resolve();
      else reject(new Error(`${program} said ${chunk}`));
    });
  });
}

if (import.meta.main) await runBenches([firstOutput]);

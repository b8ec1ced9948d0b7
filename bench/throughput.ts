import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./harness/bench.ts";
import { timeInTurn } from "./harness/contest.ts";
import { freePort } from "./harness/free-port.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { startDaemon } from "./peers/daemon.ts";
import { startCortenRegistry, startDockerRegistry } from "./peers/registries.ts";

const MEGABYTES = 1000;
const REPOSITORY = "throughput";

/** What loopback carries: a server that knows nothing but sendfile(2) of the one file. */
const SENDFILE = `
import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    with client, open(sys.argv[2], "rb") as file:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % os.fstat(file.fileno()).st_size)
        client.sendfile(file)
`;

const get = (url: string): void => mustRun("curl", "-sfo", "/dev/null", url);

/** A blob of a gigabyte from the page cache to a client, beside what loopback itself carries. */
const blobGet: Bench = {
  name: "throughput-get",
  title: `GET of a blob of ${MEGABYTES} MB, and sendfile(2) of the same bytes`,
  seconds: 30,
  budgets: [{ ours: "corten", peers: ["docker-registry"], limit: 1 }],
  async measure(scratch) {
    await using stack = new AsyncDisposableStack();
    const { file, digest } = blob(scratch);
    const corten = stack.use(await startCortenRegistry(join(scratch, "corten")));
    const docker = stack.use(await startDockerRegistry(join(scratch, "docker")));
    for (const { port } of [corten, docker]) push(port, file, digest);
    const port = await freePort();
    const limit = `http://127.0.0.1:${port}/`;
    const probe = ["curl", "-sfo", "/dev/null", limit] as const;
    stack.use(
      await startDaemon("python3", ["-c", SENDFILE, `${port}`, file], join(scratch, "log"), [...probe]),
    );
    const path = `/v2/${REPOSITORY}/blobs/${digest}`;
    return await timeInTurn(
      [
        { name: "corten", run: () => get(`http://127.0.0.1:${corten.port}${path}`) },
        { name: "docker-registry", run: () => get(`http://127.0.0.1:${docker.port}${path}`) },
        { name: "sendfile", run: () => get(limit) },
      ],
      { rounds: 5 },
    );
  },
};

/** A new blob of a gigabyte from a client to the disk, beside what writing the same bytes to the disk takes. */
const blobPush: Bench = {
  name: "throughput-push",
  title: `PUT of a new blob of ${MEGABYTES} MB, and writing the same bytes to the disk`,
  seconds: 60,
  budgets: [{ ours: "corten", peers: ["docker-registry"], limit: 1 }],
  async measure(scratch) {
    const { file, digest } = blob(scratch);
    const copy = join(scratch, "copy");
    const registries = { corten: startCortenRegistry, "docker-registry": startDockerRegistry };
    const contestants = Object.entries(registries).map(([name, start]) => {
      const directory = join(scratch, name);
      let daemon: Awaited<ReturnType<typeof start>>;
      return {
        name,
        async prepare() {
          daemon = await start(directory);
          mustRun("sync");
        },
        run: () => push(daemon.port, file, digest),
        async finish() {
          await daemon[Symbol.asyncDispose]();
          rmSync(directory, { recursive: true });
        },
      };
    });
    const disk = {
      name: "disk",
      prepare: () => mustRun("sync"),
      run: () => mustRun("dd", `if=${file}`, `of=${copy}`, "bs=1M", "conv=fsync", "status=none"),
      finish: () => rmSync(copy),
    };
    return await timeInTurn([...contestants, disk], { rounds: 5 });
  },
};

function blob(directory: string): { readonly file: string; readonly digest: string } {
  const file = join(directory, "blob");
  const hash = createHash("sha256");
  const fd = openSync(file, "wx");
  for (let left = MEGABYTES; left > 0; left--) {
    const bytes = randomBytes(1_000_000);
    hash.update(bytes);
    writeSync(fd, bytes);
  }
  closeSync(fd);
  return { file, digest: `sha256:${hash.digest("hex")}` };
}

/** A session and its one PUT, as a client does it that knows the digest. */
function push(port: number, file: string, digest: string): void {
  const uploads = `http://127.0.0.1:${port}/v2/${REPOSITORY}/blobs/uploads/`;
  const script = [
    'location=$(curl -sf -o /dev/null -w "%header{location}" -X POST "$1")',
    'case $location in /*) location="$2$location";; esac',
    "case $location in *[?]*) location=$location\\&;; *) location=$location?;; esac",
    'curl -sf -o /dev/null -H "Content-Type: application/octet-stream" -T "$3" "$location"digest="$4"',
  ].join("\n");
  mustRun("sh", "-ec", script, "sh", uploads, `http://127.0.0.1:${port}`, file, digest);
}

export const throughputBenches: readonly Bench[] = [blobGet, blobPush];

if (import.meta.main) await runBenches(throughputBenches);

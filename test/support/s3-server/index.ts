import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { temporaryDirectory } from "../temporary-directory.ts";

/** A running S3 server with one bucket. */
export type S3Server = AsyncDisposable & {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
};

const MODULE = "github.com/seaweedfs/seaweedfs/weed";
const program = join(import.meta.dirname, "../../../.cache/s3-server/weed");
/** A first build downloads and compiles fifteen hundred packages. */
export const BUILD_TIMEOUT_MS = 1_500_000;
const START_TIMEOUT_MS = 60_000;

/** Builds the server into .cache; Go's own cache makes a repeat cheap. */
export function buildS3Server(): void {
  mkdirSync(join(program, ".."), { recursive: true });
  execFileSync("go", ["build", "-o", program, MODULE], {
    cwd: import.meta.dirname,
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Starts the server with an empty store; disposing stops it and removes its files. */
export async function startS3Server(): Promise<S3Server> {
  buildS3Server();
  const directory = temporaryDirectory("s3");
  const credentials = { accessKeyId: "corten-test", secretAccessKey: "a secret of this test" };
  const config = join(directory.path, "identities.json");
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = credentials;
  const identity = {
    name: "test",
    credentials: [{ accessKey, secretKey }],
    actions: ["Admin", "Read", "Write", "List"],
  };
  writeFileSync(config, JSON.stringify({ identities: [identity] }));
  const parts = ["master.port", "volume.port", "filer.port", "s3.port"];
  const ports = await freePorts(parts.length * 2);
  const listening = parts.flatMap((part, index) => [
    `-${part}=${ports[index * 2]}`,
    `-${part}.grpc=${ports[index * 2 + 1]}`,
  ]);
  const log = join(directory.path, "log");
  const output = openSync(log, "w");
  const child = spawn(
    program,
    [
      "-logtostderr",
      "server",
      `-dir=${directory.path}`,
      "-ip=127.0.0.1",
      "-ip.bind=127.0.0.1",
      ...listening,
    ].concat([
      "-s3",
      `-s3.config=${config}`,
      "-volume.max=50",
      "-master.volumeSizeLimitMB=256",
      "-master.telemetry=false",
    ]),
    { cwd: directory.path, stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const server = {
    endpoint: `http://127.0.0.1:${ports[6]}`,
    bucket: "registry",
    credentials,
    async [Symbol.asyncDispose]() {
      await stop(child);
      directory[Symbol.dispose]();
    },
  };
  try {
    await becomesReady(server, child);
  } catch (error) {
    const said = readFileSync(log, "utf8").slice(-2000);
    await server[Symbol.asyncDispose]();
    throw new Error(`the S3 server did not start: ${said}`, { cause: error });
  }
  return server;
}

/** The bucket's first object needs every part of the server: it is retried until all are there. */
async function becomesReady(server: S3Server, child: ChildProcess): Promise<void> {
  const client = new AwsClient({ ...server.credentials, service: "s3", region: "us-east-1", retries: 0 });
  const end = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const signal = AbortSignal.timeout(10_000);
    const put = (path: string) =>
      client.fetch(`${server.endpoint}/${path}`, { method: "PUT", body: "", signal });
    try {
      const made = await put(server.bucket);
      if ((made.ok || made.status === 409) && (await put(`${server.bucket}/ready`)).ok) return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error;
    }
    if (child.exitCode !== null || Date.now() > end) throw new Error("the bucket takes no object");
    await pause(100);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

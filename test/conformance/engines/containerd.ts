import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CommandResult,
  command,
  commandOutput,
  makeBusyboxImage,
  temporaryDirectory,
} from "../../support/index.ts";
import { Daemon } from "./daemon.ts";

/** The image that each has. */
export const IMAGE = "docker.io/corten-test/busybox:1";

/** A containerd of the test's own: private socket, state and data; the default snapshotter; no CRI. */
export class Containerd implements AsyncDisposable {
  readonly directory: string;
  /** Options of `ctr` that reach it. */
  readonly address: readonly string[];
  readonly #scratch = temporaryDirectory("containerd");
  #daemon: Daemon | undefined;

  constructor() {
    this.directory = this.#scratch.path;
    this.address = ["--address", join(this.directory, "containerd.sock")];
  }

  async start(): Promise<void> {
    const config = join(this.directory, "config.toml");
    writeFileSync(config, configuration(this.directory));
    this.#daemon = new Daemon("containerd", ["--config", config], join(this.directory, "log"));
    await this.#daemon.ready("ctr", [...this.address, "version"]);
    const archive = join(this.directory, "busybox.tar");
    await makeBusyboxImage(archive, IMAGE);
    await this.must("images", "import", archive);
  }

  ctr(...args: readonly string[]): Promise<CommandResult> {
    return command("ctr", [...this.address, ...args]);
  }

  /** A call of `ctr` that must succeed; returns its output. */
  must(...args: readonly string[]): Promise<string> {
    return commandOutput("ctr", [...this.address, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    this.#scratch[Symbol.dispose]();
  }
}

function configuration(directory: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${directory}/containerd.sock"
[ttrpc]
  address = "${directory}/containerd.sock.ttrpc"
`;
}

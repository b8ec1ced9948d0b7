import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, parseConfig, Runtime } from "../../src/runtime/index.ts";
import type { RuntimeConfig } from "../../src/spec/index.ts";
import { type BundleConfig, bundleConfig, makeBusyboxRootfs, temporaryDirectory } from "../support/index.ts";

/** What a program printed and how it ended. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A runtime root and one bundle, for tests that make real containers. */
export class Containers implements AsyncDisposable {
  readonly directory: string;
  readonly bundle: string;
  readonly runtime: Runtime;
  readonly #temporary: ReturnType<typeof temporaryDirectory>;
  #serial = 0;

  constructor() {
    this.#temporary = temporaryDirectory("runtime");
    this.directory = this.#temporary.path;
    this.bundle = join(this.directory, "bundle");
    mkdirSync(this.bundle);
    makeBusyboxRootfs(join(this.bundle, "rootfs"));
    this.runtime = new Runtime({ root: join(this.directory, "state") });
  }

  /** An ID that no other test on this machine uses. */
  id(): string {
    this.#serial += 1;
    return `rt-${process.pid}-${this.#serial}`;
  }

  /** Runs a program in a container of its own, in the foreground. */
  async run(
    args: readonly string[],
    change: (config: BundleConfig) => void = () => undefined,
  ): Promise<Outcome> {
    const id = this.id();
    return this.capture((stdio) =>
      launch(this.runtime.prepareRun({ id, bundle: this.bundle, config: configure(args, change) }), {
        stdio,
      }),
    );
  }

  /** Runs a shell script in a container of its own; fails unless it ends with 0. */
  async shell(script: string, change?: (config: BundleConfig) => void): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(["/bin/sh", "-c", script], change);
    if (exitCode !== 0) throw new Error(`the script ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Creates a container that waits for `start`. */
  async create(args: readonly string[], change?: (config: BundleConfig) => void): Promise<string> {
    const id = this.id();
    const config = configure(args, change);
    await launch(this.runtime.prepareCreate({ id, bundle: this.bundle, config }));
    return id;
  }

  /** Calls `action` with files for stdout and stderr, and returns what was written to them. */
  async capture(
    action: (stdio: ["ignore", number, number]) => Promise<{ readonly exitCode: number }>,
  ): Promise<Outcome> {
    this.#serial += 1;
    const files = ["out", "err"].map((name) => join(this.directory, `${name}-${this.#serial}`));
    for (const file of files) writeFileSync(file, "");
    const [out, err] = files.map((file) => openSync(file, "w")) as [number, number];
    try {
      const { exitCode } = await action(["ignore", out, err]);
      return { exitCode, stdout: readFileSync(files[0]!, "utf8"), stderr: readFileSync(files[1]!, "utf8") };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of this.runtime.list()) await this.runtime.delete(id, { force: true });
    this.#temporary[Symbol.dispose]();
  }
}

/** A configuration for a busybox bundle, bent by `change` and read as a config.json would be. */
export function configure(
  args: readonly string[],
  change: (config: BundleConfig) => void = () => undefined,
): RuntimeConfig {
  const config = bundleConfig(args);
  change(config);
  return parseConfig(Buffer.from(JSON.stringify(config)));
}

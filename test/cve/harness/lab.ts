import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, copyFileSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type BundleConfig,
  bundleConfig,
  type CommandResult,
  command,
  corten,
  FileCommands,
  makeBusyboxRootfs,
  openTerminal,
  runtime,
  runtimeOptions,
  runtimePrefix,
  temporaryDirectory,
} from "../../support/index.ts";
import { Canary } from "./canary.ts";
import { probe } from "./probe.ts";

/** Bends a configuration before it is written. */
export type Change = (config: BundleConfig) => void;

const nullDevice = statSync("/dev/null");

let serial = 0;

/** One attack's place: a hostile root file system, a canary beside it, and the runtime under test. */
export class Lab implements AsyncDisposable {
  readonly directory: string;
  readonly rootfs: string;
  readonly canary: Canary;
  /** The program to call; a case that expects it to be overwritten puts a copy here. */
  program = runtime;
  /** Words before the program, such as `unshare --user`. */
  before: readonly string[] = [];
  readonly #temporary: ReturnType<typeof temporaryDirectory>;
  readonly #ids: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #files: FileCommands;

  constructor() {
    this.#temporary = temporaryDirectory("cve");
    this.directory = this.#temporary.path;
    this.rootfs = join(this.directory, "bundle/rootfs");
    mkdirSync(join(this.directory, "bundle"));
    makeBusyboxRootfs(this.rootfs);
    copyFileSync(probe(), join(this.rootfs, "bin/probe"));
    this.#files = new FileCommands(this.directory);
    const input = join(this.directory, "input");
    writeFileSync(input, "");
    this.input = input;
    this.canary = new Canary(join(this.directory, "canary"));
  }

  /**
   * What the runtime has as input: an empty file of the lab, as some give their input to the container's user, which
   * must not happen to /dev/null of the host by the way.
   */
  set input(file: string) {
    this.#files.input = file;
  }

  /** Puts a symlink into the root file system, in the place of whatever was there. Absolute targets mean the host's. */
  link(path: string, target: string): void {
    const file = join(this.rootfs, path);
    rmSync(file, { recursive: true, force: true });
    mkdirSync(dirname(file), { recursive: true });
    symlinkSync(target, file);
  }

  /** Writes a file into the root file system. */
  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.rootfs, path);
    rmSync(file, { recursive: true, force: true });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }

  /** A directory of the host that the container's maker gives it as a volume. */
  volume(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Runs a container to its end. */
  async run(args: readonly string[], change?: Change): Promise<CommandResult> {
    const id = this.#bundle(args, change);
    return this.oci("run", "-b", join(this.directory, "bundle"), id);
  }

  /** As {@link run}, by `create` and `start`; what the process says is not heard. */
  async createAndStart(args: readonly string[], change?: Change): Promise<CommandResult & { id: string }> {
    const id = this.#bundle(args, change);
    const created = await this.oci("create", "-b", join(this.directory, "bundle"), id);
    if (created.exitCode !== 0) return { ...created, id };
    const started = await this.oci("start", id);
    return { ...started, stderr: created.stderr + started.stderr, id };
  }

  /** A running container that must start. */
  async start(args: readonly string[], change?: Change): Promise<string> {
    const { id, exitCode, stderr } = await this.createAndStart(args, change);
    if (exitCode !== 0) throw new Error(`the container did not start: ${stderr}`);
    return id;
  }

  exec(id: string, args: readonly string[], options: readonly string[] = []): Promise<CommandResult> {
    return this.oci("exec", ...options, id, ...args);
  }

  /** What containers that were created have written to their output so far. */
  output(): string {
    return this.#files.output();
  }

  /** Writes config.json, and names a container that {@link Symbol.asyncDispose} deletes. */
  #bundle(args: readonly string[], change: Change = () => undefined): string {
    const config = bundleConfig(args);
    change(config);
    writeFileSync(join(this.directory, "bundle/config.json"), JSON.stringify(config));
    serial += 1;
    const id = `cve-${process.pid}-${serial}`;
    this.#ids.push(id);
    return id;
  }

  /** Runs a container that has a terminal to its end; returns what appears on it. */
  async runInTerminal(args: readonly string[], change: Change): Promise<string> {
    const id = this.#bundle(args, (config) => {
      config.process["terminal"] = true;
      change(config);
    });
    const [program, ...words] = [...this.#global(), "run", "-b", join(this.directory, "bundle"), id];
    await using terminal = await openTerminal(program!, words);
    await terminal.exit;
    return terminal.output();
  }

  /** Calls the runtime with files as input and output, which its containers may keep. */
  oci(...args: readonly string[]): Promise<CommandResult> {
    return this.#files.run([...this.#global(), ...args]);
  }

  #global(): string[] {
    const options = ["--root", join(this.directory, "state"), ...runtimeOptions];
    return [...this.before, ...runtimePrefix, this.program, ...options];
  }

  /** Swaps two names of the host until the attack is over. */
  exchange(one: string, other: string): void {
    this.#children.push(spawn(probe(), ["exchange", one, other], { stdio: "ignore" }));
  }

  /** Calls `corten` on stores of its own. */
  corten(...args: readonly string[]): Promise<CommandResult> {
    const [root, runRoot] = [join(this.directory, "data"), join(this.directory, "run")];
    return command(corten, ["--root", root, "--run-root", runRoot, ...args]);
  }

  /** The same, with the most memory that it took at once. */
  async cortenMeasured(
    ...args: readonly string[]
  ): Promise<{ readonly run: CommandResult; readonly peakBytes: number }> {
    const [root, runRoot] = [join(this.directory, "data"), join(this.directory, "run")];
    const script = [
      "import resource, subprocess, sys",
      "code = subprocess.run(sys.argv[1:]).returncode",
      "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
      "sys.exit(code)",
    ].join("\n");
    const words = ["-c", script, corten, "--root", root, "--run-root", runRoot, ...args];
    const run = await command("python3", words);
    const lines = run.stdout.trimEnd().split("\n");
    const peakBytes = Number(lines.pop()) * 1024;
    return { run: { ...run, stdout: lines.map((line) => `${line}\n`).join("") }, peakBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    // What has been noticed must not stay: every program of this machine uses it.
    const { uid, gid } = statSync("/dev/null");
    if (uid !== nullDevice.uid || gid !== nullDevice.gid) {
      chownSync("/dev/null", nullDevice.uid, nullDevice.gid);
    }
    for (const id of this.#ids) await this.oci("delete", "--force", id);
    this.#temporary[Symbol.dispose]();
  }
}

/** A refusal is a safe end; one by a crash is not. */
export function wasRefused({ exitCode, stderr }: CommandResult): boolean {
  return exitCode > 0 && exitCode < 128 && stderr.trim() !== "";
}

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BundleConfig,
  bundleConfig,
  type CommandResult,
  FileCommands,
  makeBusyboxRootfs,
  runtimeOptions,
  runtimePrefix,
  temporaryDirectory,
} from "../../support/index.ts";
import type { Place, PlaceName } from "./places.ts";

/** Bends a configuration before it is written. */
export type Change = (config: BundleConfig) => void;

/** The state of a container as `state` prints it (runtime.md, "State"). */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: "creating" | "created" | "running" | "stopped" | "paused";
  readonly pid: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

let serial = 0;

/** One case's bundle and containers. It knows a runtime by its command line and nothing else. */
export class Box implements AsyncDisposable {
  readonly directory: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly #place: Place;
  readonly #temporary = temporaryDirectory("black-box");
  readonly #commands: FileCommands;
  readonly #ids: string[] = [];
  #given = false;

  constructor(place: Place) {
    this.#place = place;
    this.directory = this.#temporary.path;
    this.bundle = join(this.directory, "bundle");
    this.rootfs = join(this.bundle, "rootfs");
    mkdirSync(join(this.directory, "state"));
    mkdirSync(join(this.directory, "told"));
    this.#commands = new FileCommands(join(this.directory, "told"));
    mkdirSync(this.bundle);
    makeBusyboxRootfs(this.rootfs);
  }

  get place(): PlaceName {
    return this.#place.name;
  }

  /** An ID that no other test on this machine uses. */
  id(): string {
    serial += 1;
    const id = `bb-${process.pid}-${serial}`;
    this.#ids.push(id);
    return id;
  }

  /** The words of a call of the runtime. */
  words(...args: readonly string[]): readonly string[] {
    const { prefix, program } = this.#place;
    const options = ["--root", join(this.directory, "state"), ...runtimeOptions];
    return [...runtimePrefix, ...prefix, program, ...options, ...args];
  }

  /** Calls the runtime, with files as its input and output. */
  oci(...args: readonly string[]): Promise<CommandResult> {
    if (!this.#given) this.#place.give(this.directory);
    this.#given = true;
    return this.#commands.run(this.words(...args));
  }

  /** Calls the runtime, which must do as told; returns what it printed. */
  async must(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.oci(...args);
    assert.equal(exitCode, 0, `${args.join(" ")}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, "");
  }

  /** Writes config.json. */
  configure(args: readonly string[], change: Change = () => undefined): void {
    const config = bundleConfig(args);
    this.#place.adapt(config);
    change(config);
    writeFileSync(join(this.bundle, "config.json"), JSON.stringify(config));
    this.#given = false;
  }

  /** Runs a program in a container of its own, in the foreground. */
  run(args: readonly string[], change?: Change): Promise<CommandResult> {
    this.configure(args, change);
    return this.oci("run", "--bundle", this.bundle, this.id());
  }

  /** Runs a shell script in a container of its own, which must end with 0; returns what it printed. */
  async shell(script: string, change?: Change): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(["/bin/sh", "-c", script], change);
    assert.equal(exitCode, 0, `the script ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Creates a container that waits for `start`; returns its ID. */
  async create(args: readonly string[], change?: Change, options: readonly string[] = []): Promise<string> {
    this.configure(args, change);
    const id = this.id();
    await this.must("create", "--bundle", this.bundle, ...options, id);
    return id;
  }

  /** A running container; returns its ID. */
  async start(args: readonly string[], change?: Change, options: readonly string[] = []): Promise<string> {
    const id = await this.create(args, change, options);
    await this.must("start", id);
    return id;
  }

  /** Fails unless the runtime refuses to make such a container with an error, and leaves none. */
  async refuses(args: readonly string[], change: Change, error = /./): Promise<void> {
    this.configure(args, change);
    const id = this.id();
    const { exitCode, stderr } = await this.oci("create", "--bundle", this.bundle, id);
    assert.ok(exitCode > 0 && exitCode < 128, `create ended with ${exitCode}: ${stderr}`);
    assert.match(stderr, error);
    assert.notEqual((await this.oci("state", id)).exitCode, 0, "a container is there all the same");
  }

  async state(id: string): Promise<State> {
    return JSON.parse(await this.must("state", id)) as State;
  }

  /** Waits until the container's process has ended. */
  async stopped(id: string): Promise<void> {
    for (let left = 500; (await this.state(id)).status !== "stopped"; left--) {
      assert.ok(left > 0, `${id} did not stop`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What the runtime and its containers have printed so far. */
  output(): string {
    return this.#commands.output();
  }

  /** Waits until a file is there, and has something in it. */
  async written(file: string): Promise<string> {
    for (let left = 500; left > 0; left--) {
      try {
        const text = readFileSync(file, "utf8");
        if (text !== "") return text;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`nobody wrote ${file}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#ids) await this.oci("delete", "--force", id);
    this.#temporary[Symbol.dispose]();
  }
}

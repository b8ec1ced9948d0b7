import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ContainerOptions, type Engine, openEngine, type ProcessImage } from "../../src/engine/index.ts";
import { pull } from "../../src/image/index.ts";
import { openSource, parsePlace } from "../../src/transport/index.ts";
import { type CommandResult, command, makeBusyboxImage, temporaryDirectory } from "../support/index.ts";

/** The image that every test container is made of unless it says otherwise. */
export const IMAGE = "corten-test/busybox:1";

/** An engine on directories of its own, with the busybox image; disposing removes everything. */
export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly root: string;
  readonly runRoot: string;
  /** A directory for the test's own files. */
  readonly scratch: string;
  /** What is left of containers: files, and control groups that stay empty for a while. */
  leftovers(): Promise<string[]>;
}

export async function makeTestEngine(): Promise<TestEngine> {
  const scratch = temporaryDirectory("engine");
  const [root, runRoot] = [join(scratch.path, "root"), join(scratch.path, "run")];
  const engine = openEngine({ root, runRoot });
  const archive = join(scratch.path, "busybox.tar");
  await makeBusyboxImage(archive, IMAGE);
  await addImage(engine, `docker-archive:${archive}`, IMAGE);
  // A run that was killed from outside may have left some; they are not this one's.
  const foreign = new Set(emptyCgroups());
  return {
    engine,
    root,
    runRoot,
    scratch: scratch.path,
    async leftovers() {
      const files = [
        ...["containers", "volumes"].flatMap((name) => namesIn(join(root, name))),
        ...["monitor", "engine"].flatMap((name) => namesIn(join(runRoot, name))),
      ];
      const groups = new Set(emptyCgroups()).difference(foreign);
      for (let attempt = 0; attempt < 10 && groups.size > 0; attempt++) {
        await delay(100);
        const now = new Set(emptyCgroups());
        for (const group of groups) if (!now.has(group)) groups.delete(group);
      }
      return [...files, ...groups];
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of await engine.list({ all: true })) {
        await engine.remove(id, { force: true, volumes: true });
      }
      await engine[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

/** Brings an image in and unpacks it. */
export async function addImage(engine: Engine, place: string, name: string): Promise<void> {
  const source = await openSource(parsePlace(place));
  try {
    const image = await pull(engine.store, source, { name, consumer: engine.snapshots.consumer() });
    await engine.snapshots.prepare(engine.store, image);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch {
    return []; // never made
  }
}

/** Control groups of engine containers without a process: those of other tests that run meanwhile have some. */
function emptyCgroups(): string[] {
  const mounts = ["/sys/fs/cgroup", ...namesIn("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name))];
  return mounts
    .flatMap((mount) =>
      namesIn(mount)
        .filter((name) => name.startsWith("corten-"))
        .map((name) => join(mount, name)),
    )
    .filter((group) => readText(join(group, "cgroup.procs")) === "");
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // gone meanwhile
  }
}

/** Runs a container in the foreground as `corten run` does: in a process of its own, which becomes its supervisor. */
export function runForeground(
  { root, runRoot }: Pick<TestEngine, "root" | "runRoot">,
  options: ContainerOptions,
  input?: string,
): Promise<CommandResult> {
  const program = join(import.meta.dirname, "foreground.ts");
  const args = [program, root, runRoot, JSON.stringify(options)];
  return command(process.execPath, args, input === undefined ? {} : { input });
}

/** Runs what a caller becomes, as a child of the test. */
export function becomeChild(image: ProcessImage, input = ""): Promise<CommandResult> {
  return command(image.path, image.args.slice(1), { input: image.stdin === "null" ? "" : input });
}

/** The container's output, stdout and stderr apart. */
export async function output(engine: Engine, reference: string): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for await (const { stream, content, partial } of engine.logs(reference, { follow: true })) {
    text[stream] += Buffer.from(content).toString() + (partial ? "" : "\n");
  }
  return text;
}

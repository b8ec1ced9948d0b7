import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { CortenError } from "../../spec/index.ts";
import { readKnob } from "./control.ts";
import type { CgroupWrite } from "./limit-write.ts";

interface Knob {
  readonly file: string;
  readonly data: string;
}

interface Refusal {
  readonly write: CgroupWrite;
  readonly error: NodeJS.ErrnoException;
}

/**
 * Writes limits into groups that are in use. Some only go together, in an order that depends on what holds: memory
 * and swap, quota and period. So what the kernel refuses is tried again after the others, as long as one of
 * them goes. When some cannot be written at all, those that were are put back. Returns the writes that do that.
 *
 * @throws failed-precondition naming the setting that the kernel refuses
 */
export function applyWrites(writes: readonly CgroupWrite[]): readonly Knob[] {
  const undo: Knob[] = [];
  let left: readonly CgroupWrite[] = writes;
  while (left.length > 0) {
    const refused: Refusal[] = [];
    for (const write of left) {
      const knob = knobOf(write);
      try {
        const before = present(knob);
        writeFileSync(knob.file, knob.data);
        undo.unshift({ file: knob.file, data: before });
      } catch (error) {
        const { errno = 0 } = error as NodeJS.ErrnoException;
        if (-errno !== write.ignore || write.ignore === 0) {
          refused.push({ write, error: error as NodeJS.ErrnoException });
        }
      }
    }
    if (refused.length === left.length) throw failure(refused[0]!, putBack(undo));
    left = refused.map(({ write }) => write);
  }
  return undo;
}

/** One write to a file that does not tell what it holds. @throws failed-precondition naming the setting */
export function writeLimit(write: CgroupWrite): void {
  try {
    writeFileSync(write.file, write.data);
  } catch (error) {
    throw failure({ write, error: error as NodeJS.ErrnoException }, []);
  }
}

/** Writes back what held before, again in whatever order the kernel takes; returns the files that it does not take. */
export function putBack(undo: readonly Knob[]): readonly string[] {
  let left = undo;
  for (;;) {
    const refused = left.filter(({ file, data }) => {
      try {
        writeFileSync(file, data);
        return false;
      } catch {
        return true; // tried again, and told by the caller
      }
    });
    if (refused.length === 0 || refused.length === left.length) return refused.map(({ file }) => file);
    left = refused;
  }
}

function knobOf({ file, data, preferred }: CgroupWrite): Knob {
  return preferred !== undefined && existsSync(preferred.file) ? preferred : { file, data };
}

/** What to write to a file so that it says again what it says now, of the same device where it is about one. */
function present({ file, data }: Knob): string {
  const name = basename(file);
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  if (name === "memory.oom_control") return /^oom_kill_disable (\d)/m.exec(text)?.[1] ?? "0";
  const keyed = /^(?:\d+:\d+|default) /.test(data) || name === "rdma.max" || name === "net_prio.ifpriomap";
  if (!keyed) return text.trim() === "" ? "\n" : text.trim();
  const key = data.split(" ")[0]!;
  return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} ${unlimited(name)}`;
}

/** What stands for no limit of a device of its own. */
function unlimited(name: string): string {
  if (name === "io.max") return "rbps=max wbps=max riops=max wiops=max";
  return name.startsWith("io.") ? "default" : "0";
}

function failure({ write, error }: Refusal, stuck: readonly string[]): CortenError {
  const { file, data, at } = write;
  const knob = knobOf(write).file;
  const usage = /memory\.(?:max|limit_in_bytes)$/.test(file) ? memoryUsage(file) : undefined;
  const hint =
    stuck.length > 0
      ? `what was changed before could not be put back: ${stuck.join(", ")}`
      : usage === undefined
        ? "nothing was changed"
        : `nothing was changed; the container uses ${usage} bytes`;
  return new CortenError(
    "failed-precondition",
    `${at}: cannot write ${JSON.stringify(data)} to ${knob}: ${error.code ?? error.message}`,
    { pointer: at, hint, cause: error },
  );
}

function memoryUsage(file: string): string | undefined {
  const name = file.endsWith("memory.max") ? "memory.current" : "memory.usage_in_bytes";
  return readKnob(file.replace(/[^/]+$/, name))?.trim();
}

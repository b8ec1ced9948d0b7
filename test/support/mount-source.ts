import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A mount as a container's mountinfo shows it. */
export interface SeenMount {
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
  /** The optional fields without their numbers: shared, master, unbindable, propagate_from. */
  readonly propagation: readonly string[];
}

/** The uppermost mounts of a mountinfo text by their place. */
export function seenMounts(text: string): ReadonlyMap<string, SeenMount> {
  const seen = new Map<string, SeenMount>();
  for (const line of text.trim().split("\n")) {
    const [before, after] = line.split(" - ") as [string, string];
    const [, , , , place, options, ...tags] = before.split(" ") as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    seen.set(place, {
      options: options.split(","),
      superOptions: after.split(" ")[2]!.split(","),
      propagation: (tags as string[]).map((tag) => tag.split(":")[0]!),
    });
  }
  return seen;
}

/** The flags that a mount can have, as mount(8) sets them. */
export const ALL_FLAGS = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"] as const;

/**
 * Mounts of the host, in a temporary directory: `plain` and `strict`, each a tmpfs with another in `below`, all of them
 * shared; those of `strict` have {@link ALL_FLAGS}.
 */
export class MountSource implements Disposable {
  readonly path: string;
  readonly #temporary = temporaryDirectory("mounts");

  constructor() {
    this.path = this.#temporary.path;
    mount("-t", "tmpfs", "corten-test", this.path);
    mount("--make-rshared", this.path);
    for (const name of ["plain", "strict"]) {
      for (const place of [this.join(name), this.join(name, "below")]) {
        mkdirSync(place);
        mount("-t", "tmpfs", "corten-test", place);
      }
    }
    for (const place of [this.join("strict", "below"), this.join("strict")]) {
      mount("-o", `remount,bind,${ALL_FLAGS.join(",")}`, place);
    }
  }

  join(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-R", "-l", this.path]);
    this.#temporary[Symbol.dispose]();
  }
}

function mount(...args: readonly string[]): void {
  execFileSync("mount", args);
}

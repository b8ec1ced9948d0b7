import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files of the host beside the tree that an attack of this suite would like to change. */
const HOST_FILES = ["/dev/null", "/dev/ptmx", "/dev/console", "/etc/passwd", "/etc/hostname"];
const HOST_SETTINGS = ["/proc/sys/kernel/core_pattern"];

/** A tree outside of every root file system, which no container may read, change or add to. */
export class Canary {
  readonly path: string;
  readonly #before: readonly string[];

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, "directory"), { recursive: true });
    writeFileSync(join(path, "secret"), "canary\n", { mode: 0o600 });
    writeFileSync(join(path, "directory/file"), "sings\n", { mode: 0o644 });
    // Found by path, it runs in whatever root it is found from; its interpreter every busybox root has.
    writeFileSync(join(path, "program"), "#!/bin/sh\necho ESCAPED\n");
    chmodSync(join(path, "program"), 0o755);
    this.#before = this.#describe();
  }

  /** Fails when anything in it, or one of the host's own files, is not as it was. */
  assertUntouched(): void {
    assert.deepEqual(this.#describe(), this.#before, "the host was changed");
  }

  #describe(): string[] {
    const lines = [".", ...readdirSync(this.path, { recursive: true, encoding: "utf8" }).sort()].map(
      (name) => {
        const file = join(this.path, name);
        const { mode, uid, gid, nlink, rdev, mtimeMs, ctimeMs } = lstatSync(file);
        const content = lstatSync(file).isFile() ? readFileSync(file, "utf8") : "";
        return [name, mode.toString(8), uid, gid, nlink, rdev, mtimeMs, ctimeMs, content].join(" ");
      },
    );
    for (const file of HOST_FILES) lines.push(describeHostFile(file));
    for (const setting of HOST_SETTINGS) lines.push(`${setting} ${readFileSync(setting, "utf8")}`);
    return lines;
  }
}

function describeHostFile(file: string): string {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return `${file} absent`;
  const { ino, rdev, mode, uid } = status;
  return [file, ino, rdev, mode.toString(8), uid].join(" ");
}

import { chmodSync, chownSync, lstatSync } from "node:fs";

const MODE = 0o666;

/**
 * Some programs that tests run give their standard streams to a container's user, and the machine's null device with
 * them (crun before 1.23). Afterwards everything that an ordinary user starts fails, far from the cause.
 *
 * @returns what was wrong with it, and is put right; undefined when nothing was
 * @throws when it is wrong and stays so: only root can put it right, and only when it is a device at all
 */
export function mendNullDevice(path = "/dev/null"): string | undefined {
  const status = lstatSync(path);
  if (!status.isCharacterDevice()) throw new Error(`${path} is not a device: mknod -m 666 ${path} c 1 3`);
  const { uid, gid } = status;
  const mode = status.mode & 0o7777;
  if (uid === 0 && gid === 0 && mode === MODE) return undefined;
  const found = `${path} belonged to ${uid}:${gid} with mode ${mode.toString(8)}`;
  if (process.getuid?.() !== 0) throw new Error(`${found}; as root: chown 0:0 ${path}; chmod 666 ${path}`);
  chownSync(path, 0, 0);
  chmodSync(path, MODE);
  return found;
}

import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { TarEntry, TarEntryType } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";
import type { Extensions } from "./tar-extensions.ts";
import type { RawHeader } from "./tar-header.ts";
import type { TarLimits } from "./tar-limits.ts";
import { malformedTar, tarLimitExceeded } from "./tar-limits.ts";

const TYPES: ReadonlyMap<string, TarEntryType> = new Map([
  ["0", "file"],
  ["\0", "file"],
  ["7", "file"],
  ["S", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "char-device"],
  ["4", "block-device"],
  ["5", "directory"],
  ["6", "fifo"],
]);

/**
 * Joins the header block at byte `at` with the extension headers in front of it.
 *
 * @throws invalid-argument on what readers understand differently, resource-exhausted beyond a limit
 */
export function describeEntry(
  raw: RawHeader,
  extensions: Extensions | undefined,
  limits: Required<TarLimits>,
  at: number,
): TarEntry {
  const rawType = TYPES.get(raw.typeflag);
  if (rawType === undefined) {
    throw malformedTar(
      at,
      `entry ${quoteName(raw.path)} has the unknown type ${JSON.stringify(raw.typeflag)}`,
    );
  }
  const path = extensions?.path ?? raw.path;
  const linkPath = extensions?.linkPath ?? raw.linkPath;
  // The PAX size is the one that counts: a reader that steps by the header's size lands inside the
  // body and takes the attacker's bytes there for headers (CVE-2025-62518).
  let size = extensions?.size ?? raw.size;
  let type = rawType;
  if (path === "") throw malformedTar(at, "entry without a name");
  if (path.length > limits.pathLength) {
    throw tarLimitExceeded(at, `name ${quoteName(path)}`, limits.pathLength, "pathLength");
  }
  if (linkPath.length > limits.linkLength) {
    throw tarLimitExceeded(at, `link target of ${quoteName(path)}`, limits.linkLength, "linkLength");
  }
  if (type === "file" && path.endsWith("/")) {
    // The seventh edition marks directories so; with type '0' readers disagree on what it is.
    if (raw.typeflag !== "\0") throw malformedTar(at, `file ${quoteName(path)} has a directory's name`);
    type = "directory";
  }
  if ((type === "hardlink" || type === "symlink") && linkPath === "") {
    throw malformedTar(at, `${type} ${quoteName(path)} has no target`);
  }
  // Some writers give a hard link the size of its file; no reader expects content there.
  if (type === "hardlink") size = 0;
  else if (type !== "file" && size !== 0) {
    throw malformedTar(
      at,
      `${type} ${quoteName(path)} has a size of ${size}, which readers handle differently`,
    );
  }
  if (size > limits.fileSize) {
    throw tarLimitExceeded(at, `size of ${quoteName(path)}`, limits.fileSize, "fileSize");
  }
  return {
    type,
    path,
    linkPath: type === "hardlink" || type === "symlink" ? linkPath : "",
    mode: raw.mode & 0o7777,
    uid: checkId(extensions?.uid ?? raw.uid, "uid", path, at),
    gid: checkId(extensions?.gid ?? raw.gid, "gid", path, at),
    userName: extensions?.userName ?? raw.userName,
    groupName: extensions?.groupName ?? raw.groupName,
    size,
    storedSize: size,
    mtime: extensions?.mtime ?? { seconds: raw.mtime, nanoseconds: 0 },
    deviceMajor: raw.deviceMajor,
    deviceMinor: raw.deviceMinor,
    xattrs: extensions?.xattrs ?? NO_XATTRS,
    sparse: undefined,
    offset: at,
  };
}

/** 0xffffffff is `(uid_t)-1`, which the kernel takes for "no id"; more than 32 bits would wrap to another user. */
function checkId(id: number, field: "uid" | "gid", path: ByteString, at: number): number {
  if (id < 0xffff_ffff) return id;
  throw malformedTar(at, `${field} ${id} of ${quoteName(path)} is not a valid id`);
}

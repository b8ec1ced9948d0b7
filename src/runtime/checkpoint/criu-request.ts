import { CortenError } from "../../spec/index.ts";

const DUMP = 1;
const RESTORE = 2;

/**
 * A command line of criu as its configuration file. A servant takes its options from there, so that no option has to
 * be known in two languages; the images it has as a descriptor.
 *
 * @throws invalid-argument for a line break, which would begin another option, and for a backslash, which criu would
 *   take for half of an escape
 */
export function criuConfiguration(options: readonly string[]): string {
  let text = "";
  for (const [index, word] of options.entries()) {
    if (/[\n\r\0\\]/.test(word)) {
      throw new CortenError(
        "invalid-argument",
        `a path for criu has a line break or a backslash: ${JSON.stringify(word)}`,
      );
    }
    // The value begins with no dashes, so it is passed over as well.
    if (word === "--images-dir") continue;
    if (word === "-v4") text += "verbosity 4\n";
    else if (word.startsWith("--")) {
      const value = options[index + 1];
      const has = value !== undefined && !value.startsWith("-");
      text += has ? `${word.slice(2)} "${value.replaceAll('"', '\\"')}"\n` : `${word.slice(2)}\n`;
    }
  }
  return text;
}

/**
 * The request to a servant (criu_req of criu's images/rpc.proto): all options are in the configuration file but the
 * process, and those that only a servant has: to give away the master of the container's terminal, and to make the
 * restored process its sibling.
 */
export function criuRequest(kind: "dump" | "restore", configuration: string, pid?: number): Uint8Array {
  const options = [
    // images_dir_fd, of the servant's own: until criu 4 the configuration file could name none.
    ...number(1, 4n),
    ...(pid === undefined ? [] : number(2, BigInt(pid))),
    // log_level
    ...number(9, 4n),
    // notify_scripts
    ...number(12, 1n),
    // rst_sibling: a restored process becomes the child of who asks.
    ...(kind === "restore" ? number(26, 1n) : []),
    // orphan_pts_master
    ...number(50, 1n),
    // config_file
    ...bytes(51, Buffer.from(configuration)),
  ];
  return Uint8Array.from([...number(1, BigInt(kind === "dump" ? DUMP : RESTORE)), ...bytes(2, options)]);
}

/** A field of type int32 or bool; a negative one has ten bytes. */
function number(field: number, value: bigint): number[] {
  return [...varint(BigInt(field << 3)), ...varint(BigInt.asUintN(64, value))];
}

function bytes(field: number, value: Iterable<number>): number[] {
  const content = [...value];
  return [...varint(BigInt((field << 3) | 2)), ...varint(BigInt(content.length)), ...content];
}

function varint(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  return value < 0x80n ? [low] : [low | 0x80, ...varint(value >> 7n)];
}

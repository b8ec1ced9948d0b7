import assert from "node:assert/strict";

/** Runs a classic BPF program over one struct seccomp_data, as the kernel would. */
export function runFilter(
  program: Uint8Array,
  architecture: number,
  number: number,
  args: readonly bigint[] = [],
): number {
  const code = Buffer.from(program);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture >>> 0, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    assert.ok(at * 8 < code.length, "ran past the end");
    const operation = code.readUInt16LE(at * 8);
    const [jt, jf, k] = [code[at * 8 + 2]!, code[at * 8 + 3]!, code.readUInt32LE(at * 8 + 4)];
    switch (operation) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? jt : jf;
        break;
      case 0x25:
        at += accumulator > k ? jt : jf;
        break;
      case 0x35:
        at += accumulator >= k ? jt : jf;
        break;
      case 0x06:
        return k;
      default:
        assert.fail(`unexpected instruction ${operation}`);
    }
  }
}

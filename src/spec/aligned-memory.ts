/** Of the globals of JavaScript this one has no types here: they come with those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
};

/** What addresses, lengths and offsets of direct I/O are multiples of, on every disk that there is. */
export const DIRECT_UNIT = 4096;

/** A page of WebAssembly. */
const PAGE = 2 ** 16;
/** Length of one buffer. */
export const ALIGNED_SIZE = 2 ** 20;
/** Buffers that there are; only those that are used take memory. */
const COUNT = 48;

let memory: ArrayBuffer | undefined;
let free: Buffer[] = [];

/**
 * A buffer of {@link ALIGNED_SIZE} bytes whose address is a multiple of the kernel's pages, as direct I/O wants it:
 * WebAssembly's memory is in every engine, a Buffer's address is anything. To be given back with {@link giveAligned}:
 * there is one such memory in a process, as making one may take a collection of all garbage.
 *
 * @returns undefined when there is none left, or the process may not have that much address space
 */
export function takeAligned(): Buffer | undefined {
  if (memory === undefined) {
    try {
      const pages = (COUNT * ALIGNED_SIZE) / PAGE;
      memory = new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
    } catch {
      memory = new ArrayBuffer(0);
    }
    const slots = memory.byteLength / ALIGNED_SIZE;
    const slab = memory;
    free = Array.from({ length: slots }, (_, slot) =>
      Buffer.from(slab, (slots - 1 - slot) * ALIGNED_SIZE, ALIGNED_SIZE),
    );
  }
  return free.pop();
}

export function giveAligned(buffer: Buffer): void {
  free.push(buffer);
}

/** True for what {@link takeAligned} gave. */
export function isAligned(buffer: Buffer): boolean {
  return buffer.buffer === memory;
}

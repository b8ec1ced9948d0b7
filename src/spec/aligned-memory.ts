/** Of the globals of JavaScript this one has no types here: they come with those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
};

/** A page of WebAssembly. */
const PAGE = 65_536;

/**
 * New memory whose address is a multiple of the kernel's pages, as direct I/O wants it: WebAssembly's is in every
 * engine, a Buffer's address is anything. Only what is touched takes memory.
 *
 * @throws RangeError when the process may not have that much address space
 */
export function alignedMemory(bytes: number): ArrayBuffer {
  const pages = Math.ceil(bytes / PAGE);
  return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
}

/** What addresses, lengths and offsets of direct I/O are multiples of, on every disk that there is. */
export const DIRECT_UNIT = 4096;

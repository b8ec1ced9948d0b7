/** Bun's own function in the executable (scripts/build/executable.ts); where sources or the npm package run, no such name. */
declare const setCompilerThreshold: ((scale: number) => void) | undefined;

/**
 * For commands that serve until they are stopped: machine code is made of what runs often, as is usual. The executable
 * otherwise waits a hundred times as long for that, since most commands are over before it has paid; a server that waited
 * would need half as much processor time again for each request.
 */
export function compileSoon(): void {
  if (typeof setCompilerThreshold === "function") setCompilerThreshold(1);
}

import { programs, requireProgram } from "../programs.ts";

/** Result of each probe of native/probe, by its name: undefined when it worked, else the errno's symbol. */
export type ProbeResults = ReadonlyMap<string, string | undefined>;

const TIMEOUT = 20_000;

/** Tries, each in a process of its own that leaves nothing, what containers need of this kernel and this user. */
export async function probeKernel(): Promise<ProbeResults> {
  const [{ spawnSync }, { constants }] = await Promise.all([import("node:child_process"), import("node:os")]);
  const program = requireProgram(programs().probe);
  const { stdout } = spawnSync(program, [], { env: {}, timeout: TIMEOUT, encoding: "latin1" });
  const symbols = new Map(Object.entries(constants.errno).map(([symbol, number]) => [number, symbol]));
  return parseProbes(stdout, (number) => symbols.get(number) ?? `errno ${number}`);
}

/** Reads lines of a name and an errno number. */
export function parseProbes(text: string, symbolOf: (number: number) => string): ProbeResults {
  const results = new Map<string, string | undefined>();
  for (const line of text.split("\n")) {
    const match = /^([a-z0-9-]+) (\d{1,4})$/.exec(line);
    if (match !== null) results.set(match[1]!, match[2] === "0" ? undefined : symbolOf(Number(match[2])));
  }
  return results;
}

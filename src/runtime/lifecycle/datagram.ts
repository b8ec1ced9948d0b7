import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programs, requireProgram } from "../../host/index.ts";
import { Registers, SectionBuilder } from "../plan/builder.ts";
import { encodePlan } from "../plan/encode.ts";
import { PLAN_VERSION } from "../plan/operation.ts";
import { readFailure } from "./failure.ts";

/**
 * Prepares to send datagrams to unix sockets, which JavaScript cannot: each is a plan of one operation. The function
 * that is returned sends synchronously and throws what the executor reports.
 */
export async function openDatagramSender(): Promise<(path: string, data: Uint8Array) => void> {
  // Loaded here: hardly any start logs to a socket.
  const [{ spawnSync }, { tmpdir }] = await Promise.all([import("node:child_process"), import("node:os")]);
  const init = requireProgram(programs().init);
  return (path, data) => {
    const directory = mkdtempSync(join(tmpdir(), "corten-datagram-"));
    try {
      const host = new SectionBuilder("host", new Registers());
      host.add("sendDatagram", { path, data });
      host.add("finish", { code: 0 });
      const failureFile = join(directory, "failure");
      const file = join(directory, "plan");
      const sections = { host: host.operations, container: [], cleanup: [] };
      const plan = { version: PLAN_VERSION, registers: [], sections, failureFile, onFailure: [] } as const;
      writeFileSync(file, encodePlan(plan), { mode: 0o600, flag: "wx" });
      spawnSync(init, [file], { env: {}, stdio: "ignore" });
      const failure = readFailure(failureFile);
      if (failure !== undefined) throw failure;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
}

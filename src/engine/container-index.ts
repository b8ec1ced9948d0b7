import { CortenError } from "../spec/index.ts";
import type { ContainerTable } from "./container-table.ts";
import type { FleetingRecords } from "./fleeting-records.ts";
import type { StoredContainer } from "./stored-container.ts";

/** All containers, wherever they are recorded. */
export class ContainerIndex {
  readonly table: ContainerTable;
  readonly records: FleetingRecords;

  constructor(table: ContainerTable, records: FleetingRecords) {
    this.table = table;
    this.records = records;
  }

  get(id: string): StoredContainer | undefined {
    return this.table.get(id) ?? this.records.get(id);
  }

  byName(name: string): StoredContainer | undefined {
    return this.table.byName(name) ?? this.records.list().find((container) => container.name === name);
  }

  /** All, the newest first. */
  list(): StoredContainer[] {
    return [...this.table.list(), ...this.records.list()].sort(
      (a, b) => b.created - a.created || (a.id < b.id ? -1 : 1),
    );
  }

  /** Containers that a killed process may have left: of `--rm`, or half made. */
  fleeting(): StoredContainer[] {
    return [...this.table.fleeting(), ...this.records.list()];
  }

  /**
   * The container that `reference` means: a name, an ID, or the beginning of one ID alone.
   *
   * @throws not-found; invalid-argument when it is the beginning of several
   */
  find(reference: string): StoredContainer {
    const isId = /^[0-9a-f]{64}$/.test(reference);
    const exact = (isId ? this.get(reference) : undefined) ?? this.byName(reference);
    if (exact !== undefined) return exact;
    const found = /^[0-9a-f]{1,63}$/.test(reference) ? this.#beginning(reference) : [];
    if (found.length === 1) return found[0]!;
    const shown = reference.slice(0, 100);
    if (found.length === 0) throw new CortenError("not-found", `no such container: ${shown}`);
    throw new CortenError("invalid-argument", `"${shown}" is the beginning of several containers' IDs`, {
      hint: "give more digits of the ID, or the name",
    });
  }

  #beginning(digits: string): StoredContainer[] {
    const ids = this.records.ids().filter((id) => id.startsWith(digits));
    return [...this.table.beginning(digits), ...ids.flatMap((id) => this.records.get(id) ?? [])];
  }
}

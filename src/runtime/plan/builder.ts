import type { Operation, OperationName, OperationOf, Register, SectionName } from "./operation.ts";

/** Registers that get a label of their own before released ones are used again. */
const FRESH_REGISTERS = 96;

type FieldsOf<N extends OperationName> = Omit<OperationOf<N>, "op" | "at">;

/** Gives out registers. One allocator serves a whole plan, since a cloned section sees its parent's descriptors. */
export class Registers {
  readonly #labels: string[] = [];
  readonly #free: number[] = [];

  /** Labels by register; one that was used again names its holders in order. */
  get labels(): readonly string[] {
    return this.#labels;
  }

  take(label: string): Register {
    const fresh = this.#labels.length < FRESH_REGISTERS || this.#free.length === 0;
    if (fresh) {
      this.#labels.push(label);
      return (this.#labels.length - 1) as Register;
    }
    const register = this.#free.shift()!;
    const before = this.#labels[register]!;
    this.#labels[register] = before.endsWith("…") ? before : `${before}, then ${label} …`;
    return register as Register;
  }

  release(register: Register): void {
    this.#free.push(register);
  }
}

/** Writes one section's operations in order. */
export class SectionBuilder {
  readonly section: SectionName;
  readonly operations: Operation[] = [];
  readonly #registers: Registers;
  #pointer = "";

  constructor(section: SectionName, registers: Registers) {
    this.section = section;
    this.#registers = registers;
  }

  /** Runs `body` with `pointer` as the setting that causes the operations it adds. */
  at(pointer: string, body: () => void): void {
    const before = this.#pointer;
    this.#pointer = pointer;
    try {
      body();
    } finally {
      this.#pointer = before;
    }
  }

  add<N extends OperationName>(op: N, fields: FieldsOf<N>): void {
    // In place: a plan has hundreds of operations, and this is on the path of every start.
    const operation = fields as unknown as { op: N; at: string };
    operation.op = op;
    operation.at = this.#pointer;
    this.operations.push(operation as unknown as Operation);
  }

  /** A register of this plan that an operation is about to write. */
  take(label: string): Register {
    return this.#registers.take(label);
  }

  /** Closes the descriptor and gives its register back. */
  close(register: Register): void {
    this.add("close", { fd: register });
    this.#registers.release(register);
  }

  /** Gives back a register whose descriptor an operation has closed itself. */
  release(register: Register): void {
    this.#registers.release(register);
  }
}

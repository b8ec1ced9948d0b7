import { type FieldKind, type LaunchPlan, OPERATIONS, type Operation, SECTIONS } from "./operation.ts";

type Named = Readonly<Record<string, unknown>>;

function fieldKinds(operation: Operation): ReadonlyArray<readonly [string, FieldKind]> {
  return Object.entries(OPERATIONS[operation.op].fields) as Array<readonly [string, FieldKind]>;
}

/** Fields that are written as in the manuals: flags and masks in hexadecimal, modes in octal. */
const HEXADECIMAL = new Set([
  "flags",
  "attributes",
  "set",
  "clear",
  "propagation",
  "mask",
  "effective",
  "permitted",
  "inheritable",
  "ambient",
]);

function showField(plan: LaunchPlan, name: string, kind: FieldKind, value: unknown): string | undefined {
  switch (kind) {
    case "in":
    case "in?":
    case "out":
      return value === null ? undefined : `[${value as number}]<${plan.registers[value as number] ?? "?"}>`;
    case "int":
      if (name === "mode") return `0${(value as number).toString(8)}`;
      return HEXADECIMAL.has(name) && (value as number) > 9
        ? `0x${(value as number).toString(16)}`
        : `${value as number}`;
    case "data":
      return typeof value === "string" ? JSON.stringify(value) : `${(value as Uint8Array).length} bytes`;
    case "text?":
      return value === null ? undefined : JSON.stringify(value);
    default:
      return JSON.stringify(value);
  }
}

/** One operation on one line: `openTree(dir=…, path="/srv", flags=0x1) → [4]</srv>`. */
export function formatOperation(plan: LaunchPlan, operation: Operation): string {
  const inputs: string[] = [];
  const outputs: string[] = [];
  for (const [name, kind] of fieldKinds(operation)) {
    const shown = showField(plan, name, kind, (operation as unknown as Named)[name]);
    if (shown === undefined) continue;
    if (kind === "out") outputs.push(shown);
    else inputs.push(`${name}=${shown}`);
  }
  const result = outputs.length === 0 ? "" : ` → ${outputs.join(", ")}`;
  return `${operation.op}(${inputs.join(", ")})${result}`;
}

/** The whole plan as text for people: a line for each operation, with the setting that caused it on the right. */
export function formatPlan(plan: LaunchPlan): string {
  const lines: string[] = [];
  for (const section of SECTIONS) {
    const operations = plan.sections[section];
    if (operations.length === 0) continue;
    if (lines.length > 0) lines.push("");
    lines.push(`${section}: ${operations.length} operations`);
    for (const [index, operation] of operations.entries()) {
      const text = `${String(index).padStart(4)}  ${formatOperation(plan, operation)}`;
      lines.push(operation.at === "" ? text : `${text.padEnd(90)}  # ${operation.at}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The plan as a document for programs: sections of operations by name, bytes in base64, absent fields left out. */
export function planDocument(plan: LaunchPlan): unknown {
  const show = (operation: Operation) => {
    const document: Record<string, unknown> = { op: operation.op };
    if (operation.at !== "") document["at"] = operation.at;
    for (const [name] of fieldKinds(operation)) {
      const value = (operation as unknown as Named)[name];
      if (value === null) continue;
      document[name] = value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
    }
    return document;
  };
  return {
    version: plan.version,
    registers: plan.registers,
    sections: Object.fromEntries(SECTIONS.map((section) => [section, plan.sections[section].map(show)])),
  };
}

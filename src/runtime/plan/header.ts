import {
  HEADER_SIZE,
  MAX_FIELDS,
  MAX_OPERATIONS,
  MAX_PLAN_SIZE,
  MAX_REGISTERS,
  PLAN_MAGIC,
  RECORD_SIZE,
} from "./encode.ts";
import { type FieldKind, OPERATIONS, PLAN_VERSION, SECTIONS } from "./operation.ts";
import {
  MAX_ATTRIBUTE,
  MAX_PATH,
  STREAM_ENTRY_SIZE,
  STREAM_FLAGS,
  STREAM_KINDS,
  STREAM_MAGIC,
  STREAM_VERSION,
} from "./stream.ts";
import {
  CONDITIONS,
  PARAMETERS,
  TEMPLATE_CONDITION_SIZE,
  TEMPLATE_HEADER_SIZE,
  TEMPLATE_MAGIC,
  TEMPLATE_VERSION,
} from "./template.ts";

const KINDS: Readonly<Record<FieldKind, string>> = {
  in: "FIELD_IN",
  "in?": "FIELD_IN_OPTIONAL",
  out: "FIELD_OUT",
  int: "FIELD_INT",
  text: "FIELD_TEXT",
  "text?": "FIELD_TEXT_OPTIONAL",
  data: "FIELD_DATA",
  list: "FIELD_LIST",
  section: "FIELD_SECTION",
};

/** `openTree` → `OPEN_TREE`. */
function constant(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * The C view of the operations: `native/common/plan.gen.h`. Each operation gets an `OP_` code, and one
 * `X(code, "name", field kinds…)` line from which the decoder's table and the executor's dispatch are made.
 */
export function generateHeader(): string {
  const lines = [
    "/* Generated from src/runtime/plan/operation.ts by `npm run generate`; do not edit. */",
    "#ifndef CORTEN_PLAN_GEN_H",
    "#define CORTEN_PLAN_GEN_H",
    "",
    `#define PLAN_MAGIC "${PLAN_MAGIC}"`,
    `#define PLAN_VERSION ${PLAN_VERSION}u`,
    `#define PLAN_HEADER_SIZE ${HEADER_SIZE}u`,
    `#define PLAN_RECORD_SIZE ${RECORD_SIZE}u`,
    `#define PLAN_MAX_FIELDS ${MAX_FIELDS}u`,
    `#define PLAN_MAX_REGISTERS ${MAX_REGISTERS}u`,
    `#define PLAN_MAX_OPERATIONS ${MAX_OPERATIONS}u`,
    `#define PLAN_MAX_SIZE ${MAX_PLAN_SIZE}u`,
    "",
    "enum plan_field {",
    "\tFIELD_NONE,",
    ...Object.values(KINDS).map((kind) => `\t${kind},`),
    "};",
    "",
    "enum plan_section {",
    ...SECTIONS.map((section, index) => `\tSECTION_${constant(section)} = ${index},`),
    "};",
    `#define PLAN_SECTIONS ${SECTIONS.length}u`,
    "",
    "enum plan_operation {",
    ...Object.entries(OPERATIONS).map(([name, { code }]) => `\tOP_${constant(name)} = ${code},`),
    "};",
    "",
    "/* X(operation, function suffix, name, number of fields, kinds) */",
    "#define PLAN_OPERATIONS(X) \\",
    ...Object.entries(OPERATIONS).map(([name, { fields }]) => {
      const kinds = Object.values(fields as Record<string, FieldKind>).map((kind) => KINDS[kind]);
      const upper = constant(name);
      return `\tX(OP_${upper}, ${upper.toLowerCase()}, "${name}", ${kinds.length}, ${kinds.length === 0 ? "FIELD_NONE" : kinds.join(", ")}) \\`;
    }),
    "\t/* end */",
    "",
    "/* The place of each field in its record. */",
    ...Object.entries(OPERATIONS).flatMap(([name, { fields }]) =>
      Object.keys(fields).map((field, index) => `#define ${constant(name)}_${constant(field)} ${index}`),
    ),
    "",
    "/* Streams of entries. */",
    `#define STREAM_MAGIC "${STREAM_MAGIC}"`,
    `#define STREAM_VERSION ${STREAM_VERSION}u`,
    `#define STREAM_ENTRY_SIZE ${STREAM_ENTRY_SIZE}u`,
    `#define STREAM_MAX_PATH ${MAX_PATH}u`,
    `#define STREAM_MAX_ATTRIBUTE ${MAX_ATTRIBUTE}u`,
    "enum stream_kind {",
    ...Object.entries(STREAM_KINDS).map(([name, number]) => `\tSTREAM_${constant(name)} = ${number},`),
    "};",
    "enum stream_flag {",
    ...Object.entries(STREAM_FLAGS).map(([name, number]) => `\tSTREAM_SETS_${constant(name)} = ${number},`),
    "};",
    "",
    "/* Plans with gaps, which the front door replays. */",
    `#define TEMPLATE_MAGIC "${TEMPLATE_MAGIC}"`,
    `#define TEMPLATE_VERSION ${TEMPLATE_VERSION}u`,
    `#define TEMPLATE_HEADER_SIZE ${TEMPLATE_HEADER_SIZE}u`,
    `#define TEMPLATE_CONDITION_SIZE ${TEMPLATE_CONDITION_SIZE}u`,
    `#define TEMPLATE_PARAMETERS ${Object.keys(PARAMETERS).length}u`,
    "enum template_parameter {",
    ...Object.entries(PARAMETERS).map(([name, number]) => `\tPARAMETER_${constant(name)} = ${number},`),
    "};",
    "enum template_condition {",
    ...Object.entries(CONDITIONS).map(([name, number]) => `\tCONDITION_${constant(name)} = ${number},`),
    "};",
    "",
    "#endif",
    "",
  ];
  return lines.join("\n");
}

/**
 * Loaded before dependency-cruiser: teaches the syntax tree visitor of @swc/core what Corten's sources use and it
 * does not know. It gives up at `using` declarations, and never sees `import("…").Name` in a type.
 */
import visitorModule from "@swc/core/Visitor.js";

type Node = { readonly type: string; readonly [field: string]: unknown };
type Module = { body: readonly Node[] };
type UsingDeclaration = Node & { decls: unknown };
type Visitor = {
  visitModule(module: Module): Module;
  visitStatement(statement: Node): Node;
  visitVariableDeclarators(declarators: unknown): unknown;
};
type VisitorClass = { readonly prototype: Visitor };

// Node gives the exports of the CommonJS module, Bun its default.
const exported = visitorModule as unknown as VisitorClass & { readonly Visitor?: VisitorClass };
const prototype = (exported.Visitor ?? exported).prototype;
if (!prototype) throw new Error("@swc/core/Visitor.js has no Visitor any more");

const { visitStatement, visitModule } = prototype;
prototype.visitStatement = function (statement) {
  if (statement.type !== "UsingDeclaration") return visitStatement.call(this, statement);
  const declaration = statement as UsingDeclaration;
  declaration.decls = this.visitVariableDeclarators(declaration.decls);
  return declaration;
};

/** An import in a type is told as the `import type` declaration that means the same. */
prototype.visitModule = function (module) {
  const imports = [...importTypes(module.body)].map(({ argument, span }) => ({
    type: "ImportDeclaration",
    specifiers: [],
    source: argument,
    typeOnly: true,
    span,
  }));
  module.body = [...imports, ...module.body];
  return visitModule.call(this, module);
};

function* importTypes(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if ((value as Node).type === "TsImportType") yield value as Node;
  for (const child of Object.values(value)) yield* importTypes(child);
}

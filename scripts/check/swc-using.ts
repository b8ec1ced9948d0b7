/**
 * Loaded before dependency-cruiser: teaches the syntax tree visitor of @swc/core the `using` declaration, at which
 * it otherwise gives up.
 */
import visitorModule from "@swc/core/Visitor.js";

type Declaration = { readonly type: string; decls: unknown };
type Visitor = {
  visitStatement(statement: Declaration): unknown;
  visitVariableDeclarators(declarators: unknown): unknown;
};
type VisitorModule = { readonly default?: { prototype: Visitor }; readonly Visitor?: { prototype: Visitor } };

const module = visitorModule as unknown as VisitorModule & { readonly prototype?: Visitor };
const prototype = module.prototype ?? module.Visitor?.prototype ?? module.default?.prototype;
if (!prototype) throw new Error("@swc/core/Visitor.js has no Visitor any more");
const { visitStatement } = prototype;
prototype.visitStatement = function (statement) {
  if (statement.type !== "UsingDeclaration") return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};

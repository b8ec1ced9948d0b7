import { CortenError, isRepository } from "../../spec/index.ts";
import type { Action, Grant } from "./access.ts";

/** The words of the Docker token specification, and the actions that each stands for. */
const WORDS = new Map<string, readonly Action[]>([
  ["pull", ["read"]],
  ["push", ["create", "update"]],
  ["delete", ["delete"]],
  ["*", ["read", "create", "update", "delete"]],
  // Not in that specification: issuers that can tell the two apart may.
  ["create", ["create"]],
  ["update", ["update"]],
]);

/** A client that mounts from several repositories asks for a few. */
const MAX_SCOPES = 100;

/** One entry of the claim `access`, as in the Docker token specification. */
export interface AccessEntry {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/**
 * Reads what a client asks a token for: `repository:team/app:pull,push`, several apart by spaces. Of other resource
 * types nothing is granted, so they are left out.
 *
 * @throws invalid-argument
 */
export function parseScopes(scopes: readonly string[]): readonly AccessEntry[] {
  const found = scopes.flatMap((scope) => scope.split(" ")).filter((scope) => scope !== "");
  if (found.length > MAX_SCOPES) {
    throw new CortenError(
      "invalid-argument",
      `a token has at most ${MAX_SCOPES} scopes, not ${found.length}`,
    );
  }
  return found.flatMap((scope) => {
    // The type may have a class, "repository(plugin)"; a colon may also stand in a name with a host.
    const form = /^([a-z0-9]+)(?:\([a-z0-9]+\))?:(.+):([a-z*,]*)$/.exec(scope);
    if (form === null) throw new CortenError("invalid-argument", `malformed scope "${scope.slice(0, 300)}"`);
    const [, type = "", name = "", actions = ""] = form;
    if (type !== "repository" || !isRepository(name)) return [];
    return [{ type, name, actions: [...new Set(actions.split(",").filter((word) => word !== ""))] }];
  });
}

/** What a scope of a challenge says for these actions. Who pushes also reads: clients ask which layers are there. */
export function formatScope(repository: string, actions: readonly Action[]): string {
  const words = [
    ["pull", actions.some((action) => action !== "delete")],
    ["push", actions.some((action) => action === "create" || action === "update")],
    ["delete", actions.includes("delete")],
  ] as const;
  return `repository:${repository}:${words.flatMap(([word, wanted]) => (wanted ? [word] : [])).join(",")}`;
}

/** Cuts what is asked to what `allows` gives: the words of which at least one action is allowed. */
export function cutScope(
  asked: readonly AccessEntry[],
  allows: (repository: string, action: Action) => boolean,
): readonly AccessEntry[] {
  return asked.flatMap(({ type, name, actions }) => {
    const words = actions.includes("*") ? ["pull", "push", "delete"] : actions;
    const granted = words.filter((word) => WORDS.get(word)?.some((action) => allows(name, action)));
    return granted.length === 0 ? [] : [{ type, name, actions: granted }];
  });
}

/** Reads the claim `access` of a verified token; undefined when the token has none. */
export function readGrants(claim: unknown): readonly Grant[] | undefined {
  if (claim === undefined) return undefined;
  if (!Array.isArray(claim))
    throw new CortenError("unauthenticated", "the token's claim access is not a list");
  return claim.flatMap((entry: unknown) => {
    const { type, name, actions } = (entry ?? {}) as Partial<Record<keyof AccessEntry, unknown>>;
    if (type !== "repository" || typeof name !== "string" || !Array.isArray(actions)) return [];
    const words = actions.filter((word) => typeof word === "string");
    return [{ repository: name, actions: words.flatMap((word) => WORDS.get(word) ?? []) }];
  });
}

/** True when the grants, where there are some, include this. */
export function isGranted(grants: readonly Grant[] | undefined, repository: string, action: Action): boolean {
  return grants?.some((grant) => grant.repository === repository && grant.actions.includes(action)) ?? true;
}

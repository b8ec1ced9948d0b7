import type { RuntimeConfig, RuntimeHooks, RuntimeState, RuntimeStatus } from "../../spec/index.ts";
import { OCI_VERSION } from "../config/default-config.ts";
import type { SectionBuilder } from "./builder.ts";
import { environmentOf } from "./identity.ts";

/** What a hook's state is made from. */
export interface HookSubject {
  readonly id: string;
  readonly bundle: string;
  readonly config: RuntimeConfig;
}

/**
 * The container's state as a hook reads it on stdin, in two parts: the PID between them is known only to the
 * executor.
 */
export function hookState(subject: HookSubject, status: RuntimeStatus): { before: string; after: string } {
  const { id, bundle, config } = subject;
  const state: RuntimeState = { ociVersion: OCI_VERSION, id, status, bundle };
  const annotations = config.annotations ?? {};
  const head = JSON.stringify(state);
  return {
    before: `${head.slice(0, -1)},"pid":`,
    after: Object.keys(annotations).length === 0 ? "}" : `,"annotations":${JSON.stringify(annotations)}}`,
  };
}

/** Adds the hooks of one kind, in order. With `tolerate` a failure is only told, as the standard has it for poststop. */
export function compileHooks(
  section: SectionBuilder,
  subject: HookSubject,
  kind: keyof RuntimeHooks,
  status: RuntimeStatus,
  tolerate = false,
): void {
  for (const [index, hook] of (subject.config.hooks?.[kind] ?? []).entries()) {
    section.at(`/hooks/${kind}/${index}`, () =>
      section.add("hook", {
        path: hook.path,
        args: hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args,
        env: hook.env ?? inheritedEnvironment(subject, kind),
        ...hookState(subject, status),
        timeout: (hook.timeout ?? 0) * 1000,
        tolerate: tolerate ? 1 : 0,
      }),
    );
  }
}

/** A failure of the hook at a JSON pointer, in runc's words, which engines look for; undefined for another pointer. */
export function hookFailure(pointer: string, message: string): string | undefined {
  const [, kind, index] = /^\/hooks\/([A-Za-z]+)\/(\d+)$/.exec(pointer) ?? [];
  return kind === undefined ? undefined : `error running ${kind} hook #${index}: ${message}`;
}

/** Hooks run in the bundle's directory, as runc and crun have it; those that are left to delete are the caller's. */
export function enterBundle(h: SectionBuilder, { config, bundle }: HookSubject): void {
  if (Object.values(config.hooks ?? {}).every((hooks) => hooks.length === 0)) return;
  h.at("/hooks", () => h.add("changeDirectory", { path: bundle, create: 0 }));
}

/**
 * The environment of a hook that lists none. A startContainer hook is a program of the container's with the rights of
 * its process: runc and youki let it inherit that environment. The others run on the host and get neither ours nor the
 * container's (CVE-2025-23266).
 */
function inheritedEnvironment({ config }: HookSubject, kind: keyof RuntimeHooks): string[] {
  return kind === "startContainer" && config.process !== undefined ? environmentOf(config.process) : [];
}

/** True when the configuration has a hook of one of these kinds. */
export function hasHooks(config: RuntimeConfig, ...kinds: ReadonlyArray<keyof RuntimeHooks>): boolean {
  return kinds.some((kind) => (config.hooks?.[kind] ?? []).length > 0);
}

import { OCI_VERSION } from "../config/default-config.ts";
import type { SectionBuilder } from "./builder.ts";
import { type SeccompFilter, Step } from "./launch-input.ts";

const AT = "/linux/seccomp/listenerPath";

/**
 * Hands the container's listener to the agent with the ContainerProcessState (runtime-spec, config-linux.md "The Container
 * Process State"), then lets the container go on.
 *
 * @param state the container's state; its parts are put together by the PID of the process that has the filter
 */
export function handListener(
  h: SectionBuilder,
  filter: SeccompFilter | undefined,
  state: readonly string[],
): void {
  if (filter?.listener === undefined) return;
  const { path, metadata } = filter.listener;
  const head = JSON.stringify({ ociVersion: OCI_VERSION, fds: ["seccompFd"] });
  const told = metadata === "" ? "" : `,"metadata":${JSON.stringify(metadata)}`;
  const [first = "", ...rest] = state;
  const parts = [`${head.slice(0, -1)},"pid":`, `${told},"state":${first}`, ...rest];
  h.at(AT, () => {
    // Only now: the child would hold the socket open, too, and the agent wait for its end.
    const socket = h.take(path);
    h.add("connect", { out: socket, path, seqpacket: 0 });
    const listener = h.take("seccomp listener");
    h.add("takeListener", { out: listener });
    h.add("sendState", {
      socket,
      fd: listener,
      parts: parts.map((part, index) => (index === parts.length - 1 ? `${part}}` : part)),
    });
    h.close(listener);
    h.close(socket);
    h.add("notify", { event: Step.agentReady });
  });
}

import { CortenError } from "../spec/index.ts";
import type { Container, CreatedContainer, ExitedContainer, RunningContainer } from "./container.ts";
import type { Engine } from "./engine.ts";
import type { DerivedStatus } from "./status.ts";
import type { StoredContainer } from "./stored-container.ts";

/** A container as an object of the state it was seen in. A handle remembers nothing else: each call looks anew. */
export function containerHandle(
  engine: Engine,
  container: StoredContainer,
  status: DerivedStatus,
): Container {
  switch (status.state) {
    case "created":
      return createdHandle(engine, container);
    case "running":
      return runningHandle(engine, container, status.pid);
    case "exited":
      return {
        ...common(engine, container),
        ...restartable(engine, container),
        state: "exited",
        exit: status.exit,
      };
    default:
      throw new CortenError("unavailable", `container ${container.name} is being created`, {
        retryable: true,
      });
  }
}

export function createdHandle(engine: Engine, container: StoredContainer): CreatedContainer {
  return { ...common(engine, container), state: "created", start: restartable(engine, container).start };
}

export function runningHandle(engine: Engine, container: StoredContainer, pid: number): RunningContainer {
  const { id } = container;
  return {
    ...common(engine, container),
    state: "running",
    pid,
    async stop(options): Promise<ExitedContainer> {
      const exit = await engine.stop(id, options);
      return { ...common(engine, container), ...restartable(engine, container), state: "exited", exit };
    },
    kill: (signal) => engine.kill(id, signal),
    wait: (options) => engine.wait(id, options),
    logs: (options) => engine.logs(id, options),
    attach: (options) => engine.attach(id, options),
  };
}

function common(engine: Engine, { id, name }: StoredContainer) {
  return {
    id,
    name,
    inspect: () => engine.inspect(id),
    remove: (options?: Parameters<Engine["remove"]>[1]) => engine.remove(id, options),
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        await engine.remove(id, { force: true, volumes: true });
      } catch (error) {
        // It was removed already: by hand, or because it was made to go when it ends.
        if (!(error instanceof CortenError) || error.code !== "not-found") throw error;
      }
    },
  };
}

function restartable(engine: Engine, { id }: StoredContainer) {
  return {
    start: (options?: Parameters<Engine["start"]>[1]) => engine.start(id, options),
    logs: (options?: Parameters<Engine["logs"]>[1]) => engine.logs(id, options),
  };
}

import type { Reference } from "../../spec/index.ts";
import { RegistryClient } from "./client.ts";
import type { RegistryOptions } from "./options.ts";
import { RegistryRepository } from "./repository.ts";
import { RegistrySink } from "./sink.ts";
import { RegistrySource } from "./source.ts";

/** The image that `reference` names, to be pulled. Nothing is sent before the first call. */
export function openRegistrySource(reference: Reference, options: RegistryOptions = {}): RegistrySource {
  return new RegistrySource(new RegistryClient(reference, options));
}

/** The place that `reference` names, to be pushed to. Nothing is sent before the first call. */
export function openRegistrySink(reference: Reference, options: RegistryOptions = {}): RegistrySink {
  return new RegistrySink(new RegistryClient(reference, options), options);
}

/** The repository that `reference` is in. Nothing is sent before the first call. */
export function openRegistryRepository(
  reference: Reference,
  options: RegistryOptions = {},
): RegistryRepository {
  return new RegistryRepository(new RegistryClient(reference, options));
}

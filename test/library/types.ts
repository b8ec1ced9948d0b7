/**
 * What the public types promise, checked by the compiler: a change that breaks a caller fails `npm run typecheck`.
 */
import type { TransferEvent } from "../../src/image/index.ts";
import type { CortenError, Digest, Reference } from "../../src/spec/index.ts";
import { isCortenError } from "../../src/spec/index.ts";
import type {
  Credentials,
  ImageSink,
  ImageSource,
  loggedInUser,
  login,
  openRepository,
  openSink,
  openSource,
  RegistryOptions,
  UploadJournal,
  WriteBlobOptions,
} from "../../src/transport/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Extends<A, B> = A extends B ? true : false;

/** A list of claims, all of which have to hold. */
type Holds<Claims extends readonly true[]> = Claims;

export type TransportClaims = Holds<
  [
    Equal<Awaited<ReturnType<typeof openSource>>, ImageSource>,
    Equal<Awaited<ReturnType<typeof openSink>>, ImageSink>,
    Extends<ImageSource, AsyncDisposable>,
    Extends<Awaited<ReturnType<typeof openRepository>>, AsyncDisposable>,
    Equal<ReturnType<typeof login>, Promise<string>>,
    Equal<ReturnType<typeof loggedInUser>, Promise<string | undefined>>,
  ]
>;

export type OptionClaims = Holds<
  [
    // Nothing has to be said, and what is said is one of the forms.
    Extends<Record<never, never>, RegistryOptions>,
    Equal<RegistryOptions["credentials"], Credentials | "anonymous" | undefined>,
    Equal<Extends<{ username: string }, Credentials>, false>,
    Equal<RegistryOptions["registriesConf"], string | false | undefined>,
    Extends<UploadJournal, NonNullable<RegistryOptions["uploads"]>>,
    Equal<Parameters<NonNullable<WriteBlobOptions["reopen"]>>, [offset: number]>,
  ]
>;

export type EventClaims = Holds<
  [
    Equal<TransferEvent["type"], "root" | "manifest" | "layer" | "retry">,
    Equal<Extract<TransferEvent, { type: "layer" }>["state"], "exists" | "fetching" | "sending" | "done">,
    Equal<Extract<TransferEvent, { type: "retry" }>["digest"], Digest>,
  ]
>;

export type SpecClaims = Holds<
  [
    Extends<`sha256:${string}`, Digest>,
    Equal<Reference["tag"], string | undefined>,
    Extends<CortenError, Error>,
  ]
>;

/** A caught value becomes an error whose fields are known. */
export function describeFailure(error: unknown): string {
  return isCortenError(error) ? `${error.code satisfies CortenError["code"]}: ${error.message}` : "unknown";
}

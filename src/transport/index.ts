/**
 * Where an image can be: a registry, an OCI layout directory, an archive file. Each place is an
 * {@link ImageSource}, an {@link ImageSink} or both; `image/` moves images between them and the store.
 */

export { loggedInUser, login, logout } from "./account.ts";
export type { DiskPlace, ForeignPlace, Place, RegistryPlace } from "./address.ts";
export { parsePlace, printPlace, TRANSPORTS } from "./address.ts";
export type { ArchiveKind, ArchiveSet } from "./archive-file/archive-set.ts";
export type { ImageNode, WalkOptions } from "./graph.ts";
export { walkDocuments } from "./graph.ts";
export type { ImageSet, NamedImage } from "./image-set.ts";
export { openImages } from "./image-set.ts";
export { deleteFromLayout } from "./layout/deletion.ts";
export { LayoutDirectory } from "./layout/directory.ts";
export { listReferrers } from "./list-referrers.ts";
export type { OpenOptions, OpenSinkOptions, ShortNameOptions } from "./open.ts";
export {
  openArchive,
  openRepository,
  openSink,
  openSource,
  registriesToSearch,
  rememberShortName,
  resolveShortName,
  searchImages,
  shortNameMeanings,
} from "./open.ts";
export type { Document, ImageSink, ImageSource, TransportOptions, WriteBlobOptions } from "./place.ts";
export { openRaw } from "./raw/open.ts";
export type { RawDocument, RawPlace } from "./raw/place.ts";
export type { FoundReferrer, ReferrerOptions } from "./referrer.ts";
export { cosignTags, ReferrerList, referrerOf, subjectOf, taggedReferrer } from "./referrer.ts";
export type { Credentials, MistrustedHost, RangeOptions, RegistryOptions } from "./registry/options.ts";
export type { RegistryRepository } from "./registry/repository.ts";
export type { FoundRepository, SearchOptions } from "./registry/search.ts";
export type { UploadEntry, UploadJournal } from "./registry/upload-journal.ts";
export { forgetfulJournal } from "./registry/upload-journal.ts";
export type { RegistryWarning } from "./registry/warnings.ts";
export { digestOf, streamOf, verified, verifyBytes } from "./stream.ts";
export { temporaryRoot } from "./temporary-root.ts";

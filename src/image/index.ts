/**
 * Images: bringing them into the store from any place, choosing the one for a platform, naming,
 * looking at and removing them, and writing them out again.
 *
 * What a name means is an *index* (one image for each platform) or a *manifest* (one image). A
 * manifest lists a *configuration*, which says how to run it, and *layers*, packed tar archives that
 * are stacked into a root file system. The digest of the configuration is the image's id. `pull` takes
 * any {@link ImageSource} of the transport room, `save` any {@link ImageSink}; between them every byte
 * stays as it is, as a change of one would be another image.
 */

export type { FindReferrers, ReferrerTree } from "./artifact/discover.ts";
export { discoverReferrers } from "./artifact/discover.ts";
export type { ArtifactFile } from "./artifact/file.ts";
export type { PullArtifactOptions, PulledArtifact } from "./artifact/pull.ts";
export { artifactManifest, pullArtifact } from "./artifact/pull.ts";
export type { ArtifactContent, PreparedArtifact } from "./artifact/push.ts";
export { prepareArtifact, writeArtifact } from "./artifact/push.ts";
export { chainIDs } from "./chain.ts";
export { applyChanges } from "./change.ts";
export type { CopyBetweenOptions } from "./copy/between.ts";
export { copyBetween, copyTo } from "./copy/between.ts";
export { copyImage } from "./copy/copy-image.ts";
export type { ImageFormat } from "./copy/media-types.ts";
export type { Conversion, CopyOptions } from "./copy/options.ts";
export type { ConvertLayersOptions, LayerStorage } from "./derive/convert.ts";
export { convertLayers } from "./derive/convert.ts";
export type { DeriveOptions } from "./derive/derive.ts";
export type { ConfigEdits } from "./derive/edit-config.ts";
export type { NewLayer, Rebase } from "./derive/edit-layers.ts";
export type { MutateOptions, Mutation } from "./derive/mutate.ts";
export { mutateImage } from "./derive/mutate.ts";
export { Workbench } from "./derive/workbench.ts";
export type { ImageDiff, LayerFacts } from "./diff/diff.ts";
export { diffImageFiles, diffImages } from "./diff/diff.ts";
export type { DiffFilesOptions, FileChange, FileFacts } from "./diff/files.ts";
export type { ValueChange } from "./diff/json.ts";
export { listImages, resolveImage } from "./find.ts";
export type { HistoryEntry } from "./history.ts";
export { imageHistory } from "./history.ts";
export type { Image } from "./image.ts";
export type { ImportRootfsOptions } from "./import-rootfs.ts";
export { importRootfs } from "./import-rootfs.ts";
export type { RawEntry, RawIndex } from "./index-list/edit.ts";
export { createIndex, editIndex, readIndex } from "./index-list/edit.ts";
export type { AddToIndexOptions, EntrySettings } from "./index-list/entries.ts";
export { addToIndex, annotateEntry, annotateIndex, withoutEntry } from "./index-list/entries.ts";
export type { ImageInspect } from "./inspect.ts";
export { inspectImage, repoDigests, repoTags } from "./inspect.ts";
export type { InspectedPlace, PlaceInspect } from "./inspect-place.ts";
export { inspectPlace } from "./inspect-place.ts";
export type { InstallLayoutOptions } from "./install-layout.ts";
export { installLayout } from "./install-layout.ts";
export type { ImageLayer, LayerConsumer } from "./layer-consumer.ts";
export type { LoadedImage, LoadOptions } from "./load.ts";
export { loadImages } from "./load.ts";
export { isDigestName } from "./naming.ts";
export type { ImagePlace, OpenImageSinkOptions, OpenImageSourceOptions, StorePlace } from "./place.ts";
export {
  openImageSink,
  openImageSource,
  parseImagePlace,
  printImagePlace,
  referenceAt,
} from "./place.ts";
export {
  compatiblePlatforms,
  configPlatform,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  runsOnHost,
} from "./platform.ts";
export type { PullOptions } from "./pull.ts";
export { pull } from "./pull.ts";
export type { ReferrersAtOptions } from "./referrers-at.ts";
export { referrersAt } from "./referrers-at.ts";
export type { ImageUser, RemovedImage, RemoveImageOptions } from "./remove.ts";
export { removeImage, untagImage } from "./remove.ts";
export type { SaveOptions } from "./save.ts";
export { save } from "./save.ts";
export type { SourceImage, SourceImageOptions, SourceLayer } from "./source-image.ts";
export { readSourceImage } from "./source-image.ts";
export type { ViewOptions } from "./stored-image.ts";
export type { SyncDestination } from "./sync/destination.ts";
export { destinationOf } from "./sync/destination.ts";
export type { DirectoryImage } from "./sync/directories.ts";
export { findDirectoryImages } from "./sync/directories.ts";
export type { SelectOptions, SyncItem } from "./sync/select.ts";
export { selectImages } from "./sync/select.ts";
export type { SyncOptions, SyncReport, SyncResult, SyncStep } from "./sync/sync.ts";
export { syncImages } from "./sync/sync.ts";
export type { RegistrySelection, RepositorySelection, Selection } from "./sync/sync-file.ts";
export { parseSyncFile } from "./sync/sync-file.ts";
export { tagImage } from "./tag.ts";
export type { TransferEvent } from "./transfer-event.ts";
export { listLeasedImages, listUnnamedImages } from "./unnamed.ts";
export { uploadJournal } from "./upload-journal.ts";
export type { ImageReport } from "./validate/report.ts";
export type { ImageFinding } from "./validate/rules.ts";
export type { ValidateOptions } from "./validate/validate.ts";
export { validateImage } from "./validate/validate.ts";

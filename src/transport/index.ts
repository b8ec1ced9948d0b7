/**
 * Where an image can be: a registry, an OCI layout directory, an archive file. Each place is an
 * {@link ImageSource}, an {@link ImageSink} or both; `image/` moves images between them and the store.
 */

export type { Document, ImageSink, ImageSource, TransportOptions } from "./place.ts";

/**
 * Being attached to a container: the protocol that corten-monitor speaks on `attach.sock`, and a client
 * of it. Any number of clients may be attached; a slow one is dropped and never holds the container up.
 */

export type { AttachedExit, Attachment, OutputChunk } from "./attachment.ts";
export type { ConnectOptions } from "./connect.ts";
export { connectAttachment } from "./connect.ts";

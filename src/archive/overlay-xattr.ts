import type { ByteString } from "./byte-string.ts";
import { canHoldXattr } from "./erofs-xattr.ts";

/** Marks a directory that hides everything below it in lower layers. */
export const OPAQUE_XATTR = "trusted.overlay.opaque";
export const OPAQUE_VALUE: Uint8Array = Buffer.from("y");

const OVERLAY = /^(?:trusted|user)\.overlay\./;
const ESCAPED = /^(?:trusted|user)\.overlay\.overlay\./;

/**
 * The attributes of a layer's entry as they may stand on a lower layer of overlayfs. Attributes of
 * overlayfs itself (`redirect`, `metacopy`, `opaque`…) would let a layer show files of others
 * or hide them; they are escaped the way overlayfs escapes them for nested mounts, so that a
 * container still sees what the image holds (Documentation/filesystems/overlayfs.rst, "Nesting
 * overlayfs mounts"). What EROFS cannot hold is reported to `dropped`.
 */
export function layerXattrs(
  xattrs: ReadonlyMap<ByteString, Uint8Array>,
  dropped: (name: ByteString) => void,
): ReadonlyMap<ByteString, Uint8Array> {
  if (xattrs.size === 0) return xattrs;
  const kept = new Map<ByteString, Uint8Array>();
  for (const [name, value] of xattrs) {
    if (!canHoldXattr(name)) dropped(name);
    else kept.set(OVERLAY.test(name) ? name.replace("overlay.", "overlay.overlay.") : name, value);
  }
  return kept;
}

/**
 * True for an attribute that means something to overlayfs; escaped ones, which a container sees, mean nothing. Of a layer
 * that comes as an EROFS image.
 */
export function isForeignOverlayXattr(name: ByteString): boolean {
  return OVERLAY.test(name) && !ESCAPED.test(name);
}

/** The files of an OCI layout, wherever they are: a directory, or a tar archive of one. */
export interface LayoutFiles extends AsyncDisposable {
  /** The place as the user wrote it. */
  readonly name: string;
  /**
   * Size in bytes of the regular file at `path` (`index.json`, `blobs/sha256/…`); undefined when there is none.
   *
   * @throws invalid-argument for a symbolic link or special file there or on the way
   */
  size(path: string): Promise<number | undefined>;
  /** Its bytes from `offset` on. */
  read(path: string, offset?: number): AsyncIterable<Uint8Array>;
}

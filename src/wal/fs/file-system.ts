/**
 * The part of a file system that the log stands on: synchronous, positional, and small enough that a simulator can
 * stand in for the disk. Every method may throw an error with a `code` (`EIO`, `ENOSPC`, `ENOENT`, …), as `node:fs`
 * does. Paths are joined with `/` by the caller.
 */
export interface FileSystem {
  /** `create` fails with `EEXIST` when the file is there; `write` and `read` fail with `ENOENT` when it is not. */
  open(path: string, mode: 'create' | 'write' | 'read'): File
  /** Replaces `to`. Durable only after `syncDirectory`. */
  rename(from: string, to: string): void
  /** Durable only after `syncDirectory`. */
  unlink(path: string): void
  /** Names, in any order. */
  readdir(path: string): readonly string[]
  /** Makes the directory and its parents; does nothing when it is there. Durable only after its parent is synced. */
  mkdir(path: string): void
  /** Forces the directory's entries to disk: files created, renamed and unlinked in it. */
  syncDirectory(path: string): void
  /** A second name for the same file. Durable only after `syncDirectory`. */
  link(existing: string, path: string): void
}

/** An open file. */
export interface File {
  /** Length in bytes. */
  size(): number
  /** Reads up to `length` bytes at `position` into `into` at `offset`; returns how many, 0 at the end of the file. */
  read(into: Uint8Array, offset: number, length: number, position: number): number
  /** As `read`, without blocking the thread. */
  readLater(into: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Writes up to `length` bytes of `from` at `position`; returns how many, which may be fewer than asked. */
  write(from: Uint8Array, offset: number, length: number, position: number): number
  truncate(size: number): void
  /** Forces contents and length to disk (`fdatasync`). After it has thrown, nothing is known about the pages. */
  sync(): void
  /** As `sync`, without blocking the thread. */
  syncLater(): Promise<void>
  close(): void
}

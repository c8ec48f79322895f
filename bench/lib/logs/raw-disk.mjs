import { fdatasyncSync, fsyncSync, openSync, readSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { perTurn } from './per-turn.mjs'

const fileBytes = 128 * 1024 * 1024
const writeBytes = 1024 * 1024

/**
 * What the disk itself allows: bytes that are there already are written over a file of zeros, in this thread, with
 * one sync for all that was published in a turn. Nothing is encoded, copied or checked.
 */
export const rawDisk = {
  name: 'floor: overwrite + fdatasync',
  open: (directory, size) => openFile(directory, size, true),
}

/** The same at the end of a file that grows, as any log does that keeps everything. */
export const rawDiskAppend = {
  name: 'floor: append + fdatasync',
  open: (directory, size) => openFile(directory, size, false),
}

async function openFile(directory, size, overwrite) {
  const fd = openSync(join(directory, 'raw'), 'w+')
  const bytes = Buffer.alloc(writeBytes, 1)
  const prepared = overwrite ? fileBytes : 0
  for (let at = 0; at < prepared; at += writeBytes) writeSync(fd, bytes, 0, writeBytes, at)
  fsyncSync(fd)
  let at = 0
  let loaded = 0
  const write = (total) => {
    for (let left = total; left > 0;) {
      if (overwrite && at >= fileBytes) at = 0
      const length = Math.min(left, writeBytes)
      at += writeSync(fd, bytes, 0, length, at)
      left -= length
    }
    fdatasyncSync(fd)
  }
  const grouped = perTurn(async (items) => write(items.length * size))
  return {
    publish: (i) => grouped(i),
    /** What one publisher waits for at best: no turn of the loop, no promise. */
    publishNow: () => write(size),
    async load(count) {
      loaded = count * size
      for (let left = loaded; left > 0; left -= writeBytes) write(Math.min(left, writeBytes))
    },
    async replay() {
      for (let from = 0, left = loaded; left > 0; left -= writeBytes) {
        readSync(fd, bytes, 0, Math.min(left, writeBytes), from)
        from = (from + writeBytes) % fileBytes
      }
      return { records: loaded / size, bytes: loaded }
    },
    close: () => closeSync(fd),
  }
}

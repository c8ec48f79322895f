import { crc32 } from 'node:zlib'
import type { File, FileSystem } from '../../src/wal/fs/file-system.ts'

/** What a toy log leaves out, to see that somebody notices. */
export interface Flaws {
  readonly noSync?: boolean
  readonly noDirectorySync?: boolean
  readonly noParentSync?: boolean
  readonly noChecksum?: boolean
  readonly noRecoverySync?: boolean
  readonly noCut?: boolean
  readonly syncAgain?: boolean
}

const headerBytes = 8

/** The smallest log that survives crashes: one file of records `length, checksum, bytes`, one sync per record. */
export class ToyLog {
  readonly records: string[] = []
  readonly #file: File
  readonly #flaws: Flaws
  #end = 0

  constructor(fs: FileSystem, flaws: Flaws = {}) {
    this.#flaws = flaws
    fs.mkdir('/log')
    if (flaws.noParentSync !== true) fs.syncDirectory('/')
    const there = fs.readdir('/log').includes('records')
    this.#file = fs.open('/log/records', there ? 'write' : 'create')
    if (flaws.noDirectorySync !== true) fs.syncDirectory('/log')
    this.#recover()
  }

  append(record: string): void {
    const bytes = Buffer.alloc(headerBytes + record.length)
    bytes.writeUInt32LE(record.length, 0)
    bytes.write(record, headerBytes, 'latin1')
    bytes.writeUInt32LE(crc32(bytes.subarray(headerBytes), record.length), 4)
    for (let done = 0; done < bytes.length;) {
      done += this.#file.write(bytes, done, bytes.length - done, this.#end + done)
    }
    this.#sync()
    this.#end += bytes.length
    this.records.push(record)
  }

  #sync(): void {
    if (this.#flaws.noSync === true) return
    try {
      this.#file.sync()
    } catch (error) {
      if (this.#flaws.syncAgain !== true) throw error
      this.#file.sync()
    }
  }

  #recover(): void {
    const all = Buffer.alloc(this.#file.size())
    this.#file.read(all, 0, all.length, 0)
    while (this.#end + headerBytes < all.length) {
      const length = all.readUInt32LE(this.#end)
      const body = all.subarray(this.#end + headerBytes, this.#end + headerBytes + length)
      if (length === 0 || body.length < length) break
      if (this.#flaws.noChecksum !== true && crc32(body, length) !== all.readUInt32LE(this.#end + 4)) break
      this.records.push(body.toString('latin1'))
      this.#end += headerBytes + length
    }
    if (this.#flaws.noCut !== true) this.#file.truncate(this.#end)
    if (this.#flaws.noRecoverySync === true) return
    // Pages that a failed sync has marked clean must become dirty again, or this sync would not write them.
    this.#file.write(all, 0, this.#end, 0)
    this.#file.sync()
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { File, FileSystem } from '../../src/wal/fs/file-system.ts'
import { nodeFileSystem } from '../../src/wal/fs/node-fs.ts'
import { fcParameters, random } from '../support/seed.ts'
import { append, contents, missing, possible, read, settled, states, write } from './disk-helpers.ts'
import { SimDisk } from './sim-disk.ts'

describe('without crashes it is a file system', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const offset = fc.integer({ min: 0, max: 9000 })
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('create' as const, 'open' as const, 'unlink' as const, 'sync' as const), name),
    fc.tuple(fc.constantFrom('rename' as const, 'link' as const), name, name),
    fc.tuple(fc.constant('write' as const), name, offset, fc.integer({ min: 1, max: 5000 })),
    fc.tuple(fc.constant('truncate' as const), name, offset),
  )
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

  /** Carries the steps out and tells everything that a process can see of it. */
  function play(fs: FileSystem, dir: string, steps: readonly Step[]): unknown[] {
    const seen: unknown[] = []
    const open = new Map<string, File>()
    for (const [kind, path, ...rest] of steps) {
      const full = `${dir}/${path}`
      try {
        if (kind === 'create' || kind === 'open') {
          open.get(path)?.close()
          open.delete(path)
          open.set(path, fs.open(full, kind === 'create' ? 'create' : 'write'))
        } else if (kind === 'unlink') fs.unlink(full)
        else if (kind === 'rename') fs.rename(full, `${dir}/${rest[0]}`)
        else if (kind === 'link') fs.link(full, `${dir}/${rest[0]}`)
        else if (kind === 'sync') open.get(path)?.sync()
        else if (kind === 'truncate') open.get(path)?.truncate(Number(rest[0]))
        else {
          const bytes = new Uint8Array(Number(rest[1])).fill(seen.length + 1)
          seen.push(open.get(path)?.write(bytes, 0, bytes.length, Number(rest[0])))
        }
      } catch (error) {
        seen.push((error as { code: string }).code)
      }
      for (const [key, file] of open) seen.push(key, Buffer.from(contents(file)).toString('base64'))
      seen.push([...fs.readdir(dir)].toSorted())
    }
    for (const file of open.values()) file.close()
    return seen
  }

  it('behaves as the real one, step by step', () => {
    const dir = mkdtempSync(join(tmpdir(), 'spillway-'))
    let runs = 0
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const own = `${dir}/${runs++}`
      nodeFileSystem.mkdir(own)
      expect(play(new SimDisk(['/d']), '/d', steps)).toEqual(play(nodeFileSystem, own, steps))
    })
    try {
      fc.assert(property, fcParameters(60))
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  it('renaming one name of a file to another of its names does nothing, as POSIX wants it', () => {
    const disk = settled('one')
    disk.link('/d/a', '/d/b')
    disk.rename('/d/a', '/d/b')
    expect(disk.paths()).toEqual(['/d/a', '/d/b'])
  })

  it('after every kind of crash that loses nothing the next process sees the same', () => {
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const disk = new SimDisk(['/d'])
      play(disk, '/d', steps)
      const first = disk.crashStates(disk.log.length, { kernel: 'ordered' }).next().value
      expect(first?.hash).toBe(disk.hash())
      expect(disk.kill().hash()).toBe(disk.hash())
      for (const path of disk.paths()) expect(disk.kill().bytesOf(path)).toEqual(disk.bytesOf(path))
    })
    fc.assert(property, fcParameters(100))
  })
})

describe('a power failure', () => {
  it('keeps what was synced, file and directory', () => {
    const disk = new SimDisk(['/d'])
    write(disk, '/d/a', 'one').sync()
    disk.syncDirectory('/d')
    expect(possible(disk, '/d/a')).toEqual(['one'])
  })

  it('may take the name of a synced file when its directory was not synced', () => {
    const disk = new SimDisk(['/d'])
    write(disk, '/d/a', 'one').sync()
    expect(possible(disk, '/d/a')).toEqual([missing, 'one'])
  })

  it('may take a directory whose parent was not synced, with everything in it', () => {
    const disk = new SimDisk()
    disk.mkdir('/d')
    write(disk, '/d/a', 'one').sync()
    disk.syncDirectory('/d')
    expect(possible(disk, '/d/a')).toEqual([missing, 'one'])
    disk.syncDirectory('/')
    expect(possible(disk, '/d/a')).toEqual(['one'])
  })

  it('leaves of an appended record: nothing, all, any beginning, zeros, or rubbish', () => {
    const disk = settled('old')
    append(disk, '/d/a', 'new')
    const ends = ['old', 'oldn', 'oldne', 'oldnew', 'old\0\0\0']
    expect(possible(disk, '/d/a', { garbage: false })).toEqual(ends.toSorted())
  })

  it('tears a long write at its sectors, in any combination', () => {
    const disk = settled('.'.repeat(1536))
    disk.open('/d/a', 'write').write(Buffer.from('x'.repeat(1536)), 0, 1536, 0)
    const sectors = possible(disk, '/d/a', { kernel: 'reordering' }).map((text) =>
      [0, 512, 1024]
        .map((at) => text.slice(at, at + 512))
        .map((part) => part[0])
        .join(''),
    )
    expect(sectors).toEqual(['...', '..x', '.x.', '.xx', 'x..', 'x.x', 'xx.', 'xxx'].toSorted())
  })

  it('an ordered kernel never has a later write without the earlier one', () => {
    const disk = settled('..')
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.from('x'), 0, 1, 0)
    file.sync()
    const other = write(disk, '/d/b', '1')
    disk.syncDirectory('/d')
    file.write(Buffer.from('y'), 0, 1, 1)
    other.sync()
    expect(possible(disk, '/d/a', { kernel: 'ordered' })).toEqual(['x.', 'xy'])
    expect(possible(disk, '/d/b', { kernel: 'ordered' })).toEqual(['1'])
  })

  it('a rename without a synced directory: the old name or the new one, never neither', () => {
    const disk = settled('one')
    disk.rename('/d/a', '/d/b')
    write(disk, '/d/a', 'two').sync()
    const seen = states(disk).map((state) =>
      ['a', 'b'].map((file) => read(state.disk, `/d/${file}`)).join(' '),
    )
    expect([...new Set(seen)].toSorted()).toEqual([`${missing} one`, `one ${missing}`, 'two one'].toSorted())
    disk.syncDirectory('/d')
    expect(possible(disk, '/d/b')).toEqual(['one'])
  })

  it('write, sync, rename over, sync the directory: the old or the new file at every moment', () => {
    const disk = settled('old')
    write(disk, '/d/tmp', 'new').sync()
    disk.rename('/d/tmp', '/d/a')
    disk.syncDirectory('/d')
    const seen = disk.log.flatMap((_, at) => possible(disk, '/d/a', {}, at))
    expect(new Set(seen)).toEqual(new Set(['old', 'new']))
    expect(possible(disk, '/d/a')).toEqual(['new'])
  })

  it('the same without the sync of the file may leave a short or empty file', () => {
    const disk = settled('old')
    write(disk, '/d/tmp', 'new')
    disk.rename('/d/tmp', '/d/a')
    expect(possible(disk, '/d/a', { garbage: false })).toEqual(['', '\0\0\0', 'new', 'old'])
  })

  it('a cut without a sync may be lost; behind a kept cut nothing old comes back', () => {
    const disk = settled('.'.repeat(1024))
    const file = disk.open('/d/a', 'write')
    file.truncate(0)
    file.write(Buffer.from('x'), 0, 1, 1023)
    const ends = possible(disk, '/d/a', { garbage: false }).map(
      (text) => `${text.length}${text[0]}${text.at(-1)}`,
    )
    // Size 1024 with a lost sector: zeros when the cut was kept, the old bytes when it was not.
    expect([...new Set(ends)].toSorted()).toEqual([
      '0undefinedundefined',
      '1024\0\0',
      '1024\0x',
      '1024..',
      '1024.x',
    ])
  })

  it('what was written before a kept cut does not come back either', () => {
    const disk = settled('.'.repeat(1024))
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.from('x'), 0, 1, 1023)
    file.truncate(0)
    file.truncate(1024)
    const ends = possible(disk, '/d/a').map((text) => `${text.length}${text[0]}${text.at(-1)}`)
    expect(ends).toEqual(['0undefinedundefined', '1024\0\0', '1024..', '1024.x'])
  })

  it('rubbish in new space can be what a deleted file had there', () => {
    const disk = settled('secret')
    disk.unlink('/d/a')
    disk.syncDirectory('/d')
    write(disk, '/d/b', 'public')
    disk.syncDirectory('/d')
    expect(possible(disk, '/d/b')).toContain('secret')
    expect(possible(disk, '/d/b', { garbage: false })).not.toContain('secret')
  })

  it('after kill -9 still takes what was never synced, also when the next process has read it', () => {
    const disk = settled('old')
    append(disk, '/d/a', 'new')
    const next = disk.kill()
    expect(read(next, '/d/a')).toBe('oldnew')
    expect(possible(next, '/d/a')).toContain('old')
    next.open('/d/a', 'write').sync()
    expect(possible(next, '/d/a')).toEqual(['oldnew'])
    expect(possible(disk, '/d/a')).toContain('old')
  })

  it('every state comes once, and a sample repeats with its seed', () => {
    const disk = settled('.')
    for (let turn = 0; turn < 12; turn++) append(disk, '/d/a', String(turn).repeat(300))
    const hashes = (from: number) =>
      states(disk, { random: random(from), limit: 400 }).map(({ hash }) => hash)
    expect(hashes(1)).toHaveLength(400)
    expect(new Set(hashes(1)).size).toBe(400)
    expect(hashes(1)).toEqual(hashes(1))
    expect(hashes(1)).not.toEqual(hashes(2))
  })
})

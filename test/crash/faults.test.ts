import { describe, expect, it } from 'vitest'
import { possible, read, settled, write } from './disk-helpers.ts'
import { failEach } from './explore.ts'
import { SimDisk } from './sim-disk.ts'

describe('faults', () => {
  it('a failed sync forgets: the next one succeeds, processes see the data, the disk need not have it', () => {
    const disk = settled('old')
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.from('new'), 0, 3, 0)
    disk.failAt(1, { on: 'sync', kind: 'EIO' })
    expect(() => file.sync()).toThrow('EIO')
    file.sync()
    expect(read(disk, '/d/a')).toBe('new')
    expect(possible(disk, '/d/a')).toEqual(['new', 'old'])
    expect(possible(disk.kill(), '/d/a')).toEqual(['new', 'old'])
  })

  it('writing the same bytes again makes them dirty again', () => {
    const disk = settled('old')
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.from('new'), 0, 3, 0)
    disk.failAt(1, { on: 'sync', kind: 'EIO' })
    expect(() => file.sync()).toThrow('EIO')
    file.write(Buffer.from('new'), 0, 3, 0)
    file.sync()
    expect(possible(disk, '/d/a')).toEqual(['new'])
  })

  it('after a failed sync a later append is durable, the forgotten sector is not', () => {
    const disk = settled('')
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.alloc(512, 'a'), 0, 512, 0)
    disk.failAt(1, { on: 'sync', kind: 'EIO' })
    expect(() => file.sync()).toThrow('EIO')
    file.write(Buffer.alloc(512, 'b'), 0, 512, 512)
    file.sync()
    const texts = possible(disk, '/d/a', { garbage: false })
    expect(texts.map((text) => `${text.length} ${text[0]}${text[512]}`)).toEqual(['1024 \0b', '1024 ab'])
  })

  it('short reads and writes say how much they did, and late errors come after the work', () => {
    const disk = settled('12345678')
    const file = disk.open('/d/a', 'write')
    disk.failAt(1, { on: 'read', kind: 'short' })
    expect(file.read(new Uint8Array(8), 0, 8, 0)).toBe(4)
    disk.failAt(1, { on: 'write', kind: 'short' })
    disk.failAt(2, { on: 'write', kind: 'ENOSPC', times: 2 })
    const put = () => file.write(Buffer.from('abcdefgh'), 0, 8, 0)
    expect(put()).toBe(4)
    expect(put).toThrow('ENOSPC')
    expect(put).toThrow('ENOSPC')
    expect(read(disk, '/d/a')).toBe('abcd5678')
    expect(put()).toBe(8)
    disk.failAt(1, { on: 'rename', kind: 'EIO-late' })
    expect(() => disk.rename('/d/a', '/d/b')).toThrow('EIO')
    expect(disk.paths()).toEqual(['/d/b'])
    expect(disk.fired).toBe(5)
    expect(disk.calls('write')).toBe(5)
  })

  it('a loop over all calls ends after the last one', () => {
    const results: string[] = []
    const failed = failEach(
      { kind: 'EIO' },
      (disk) => {
        try {
          write(disk, '/d/a', 'x').sync()
          disk.syncDirectory('/d')
          results.push('done')
        } catch (error) {
          results.push((error as { syscall: string }).syscall)
        }
      },
      { disk: () => new SimDisk(['/d', '/e']).kill() },
    )
    expect(failed).toBe(4)
    expect(results).toEqual(['open', 'write', 'sync', 'syncDirectory', 'done'])
  })

  it('damage is on the disk and in the cache', () => {
    const disk = settled('abc')
    disk.corrupt('/d/a', (bytes) => void (bytes[1] = 0x7a))
    expect(read(disk, '/d/a')).toBe('azc')
    expect(possible(disk, '/d/a')).toEqual(['azc'])
  })
})

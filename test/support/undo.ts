import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach } from 'vitest'
import { type DurableBroker, openDurableBroker } from '../../src/wal/index.ts'
import type { LogOptions } from '../../src/wal/store/open-options.ts'

/** What is undone after each test of the file that imports this, the last first. */
export const undo: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

/** A directory that is gone after the test. */
export function directory(): string {
  const dir = mkdtempSync(`${tmpdir()}/spillway-`)
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A broker without a commit thread, closed after the test. */
export async function openInline(dir: string, options: LogOptions = {}): Promise<DurableBroker> {
  const broker = await openDurableBroker(dir, { engine: 'inline', ...options })
  undo.push(() => broker.close())
  return broker
}

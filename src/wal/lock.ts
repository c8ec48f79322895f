import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { LogLockedError } from './errors.ts'
import { codeOf } from './segment/files.ts'

/** Held while a process writes to a directory. */
export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Takes the directory for this process, or rejects with `LogLockedError`. On Linux the lock is a socket name that the
 * kernel frees when the process ends, however it ends; elsewhere it is a file with the holder's pid, which is taken
 * over when no such process lives. `LOCK` names the holder in both cases.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  const path = `${dir}/LOCK`
  if (process.platform !== 'linux') return lockByFile(dir, path)
  const { dev, ino } = fs.statSync(dir)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(codeOf(error) === 'EADDRINUSE' ? new LogLockedError(dir, holderOf(path)) : error)
    })
    server.listen({ path: `\0spillway:${dev}:${ino}` }, resolve)
  })
  server.unref()
  fs.writeFileSync(path, holder())
  return {
    release: () =>
      new Promise((resolve) => {
        fs.rmSync(path, { force: true })
        server.close(() => resolve())
      }),
  }
}

function lockByFile(dir: string, path: string): DirectoryLock {
  for (;;) {
    try {
      fs.writeFileSync(path, holder(), { flag: 'wx' })
      return { release: () => Promise.resolve(fs.rmSync(path, { force: true })) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const pid = holderOf(path)
    if (pid !== undefined && (pid === process.pid || lives(pid))) throw new LogLockedError(dir, pid)
    fs.rmSync(path, { force: true })
  }
}

function holder(): string {
  return `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`
}

function holderOf(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(fs.readFileSync(path, 'utf8')) as { pid?: unknown }
    return typeof pid === 'number' ? pid : undefined
  } catch {
    return undefined
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

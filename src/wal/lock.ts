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
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(codeOf(error) === 'EADDRINUSE' ? new LogLockedError(dir, pidIn(path)) : error)
    })
    server.listen({ path: `\0${lockName(dir)}` }, resolve)
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

/** The socket, in the abstract namespace of Linux, that whoever holds the directory listens on. */
export function lockName(dir: string): string {
  const { dev, ino } = fs.statSync(dir)
  return `spillway:${dev}:${ino}`
}

function lockByFile(dir: string, path: string): DirectoryLock {
  for (;;) {
    try {
      fs.writeFileSync(path, holder(), { flag: 'wx' })
      return { release: () => Promise.resolve(fs.rmSync(path, { force: true })) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const pid = pidIn(path)
    if (pid !== undefined && (pid === process.pid || lives(pid))) throw new LogLockedError(dir, pid)
    fs.rmSync(path, { force: true })
  }
}

function holder(): string {
  return `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`
}

/** The process that a `LOCK` file names. */
export function pidIn(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(fs.readFileSync(path, 'utf8')) as { pid?: unknown }
    return typeof pid === 'number' ? pid : undefined
  } catch {
    return undefined
  }
}

/** Whether there is such a process. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

import * as fs from 'node:fs'

/** Who has a directory open. */
export interface Holder {
  readonly pid: number | undefined
}

/** Finds out whether a process has the directory open, without taking the lock; undefined when none has. */
export function holderOf(dir: string): Holder | undefined {
  const pid = pidIn(`${dir}/LOCK`)
  if (process.platform !== 'linux') return pid !== undefined && lives(pid) ? { pid } : undefined
  try {
    const { dev, ino } = fs.statSync(dir)
    const name = `@spillway:${dev}:${ino}`
    // The kernel shows the zeros that fill up an abstract name as @ too.
    const sockets = fs.readFileSync('/proc/net/unix', 'utf8').split('\n')
    const isHeld = sockets.some((line) => line.replace(/@+$/, '').endsWith(` ${name}`))
    return isHeld ? { pid } : undefined
  } catch {
    return pid !== undefined && lives(pid) ? { pid } : undefined
  }
}

function pidIn(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(fs.readFileSync(path, 'utf8')) as { readonly pid?: unknown }
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
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

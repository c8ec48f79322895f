import * as fs from 'node:fs'
import { lives, lockName, pidIn } from '../lock.ts'

/** Who has a directory open. */
export interface Holder {
  readonly pid: number | undefined
}

/** Finds out whether a process has the directory open, without taking the lock; undefined when none has. */
export function holderOf(dir: string): Holder | undefined {
  const pid = pidIn(`${dir}/LOCK`)
  if (process.platform !== 'linux') return pid !== undefined && lives(pid) ? { pid } : undefined
  try {
    const name = `@${lockName(dir)}`
    // The kernel shows the zeros that fill up an abstract name as @ too.
    const sockets = fs.readFileSync('/proc/net/unix', 'utf8').split('\n')
    const isHeld = sockets.some((line) => line.replace(/@+$/, '').endsWith(` ${name}`))
    return isHeld ? { pid } : undefined
  } catch {
    return pid !== undefined && lives(pid) ? { pid } : undefined
  }
}

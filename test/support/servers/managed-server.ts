import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../eventually.ts'
import { Guard } from './guard.ts'
import { isStopped } from './is-stopped.ts'

/** How a server is started. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  /** What it prints when it serves. */
  readonly ready: RegExp
  readonly readyWithinMs: number
}

/** It ended before it served. `log` holds what it printed. */
export class ServerDidNotStart extends Error {
  readonly log: string

  constructor(what: string, log: string) {
    super(`${what}\n${log.split('\n').slice(-40).join('\n')}`)
    this.name = 'ServerDidNotStart'
    this.log = log
  }
}

/** A real server in a process of its own, on a port and in a folder that it keeps over restarts. */
export class ManagedServer {
  readonly #launch: Launch
  readonly #folder: string
  readonly #logFile: string
  readonly #guard: Guard
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #lastStart = 0 // where in the log the output of this start begins

  /** Takes over the folder: it is gone after `dispose`, or when this process ends. */
  constructor(folder: string, launch: Launch) {
    this.#launch = launch
    this.#folder = folder
    // A file and not a pipe, which would stop the server whenever a test keeps this process busy for a while.
    this.#logFile = join(folder, 'server.log')
    this.#guard = new Guard(folder)
  }

  get folder(): string {
    return this.#folder
  }

  /** The number of its process while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** All that it has printed since it was last started. */
  log(): string {
    return readFileSync(this.#logFile).subarray(this.#lastStart).toString()
  }

  /** Resolves when it serves. A server that is running already stays as it is. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const { command, args, ready, readyWithinMs } = this.#launch
    const child = this.#spawn(command, args)
    const check = (): boolean => {
      if (this.#child !== child) throw new ServerDidNotStart(`${command} ended while it started`, this.log())
      return ready.test(this.log())
    }
    try {
      await eventually(check, { withinMs: readyWithinMs })
    } catch (error) {
      await this.kill()
      if (error instanceof ServerDidNotStart) throw error
      throw new ServerDidNotStart(`${command} did not serve within ${readyWithinMs} ms`, this.log())
    }
  }

  /** SIGKILL: a crash. Resolves when the process is gone. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** SIGTERM: an orderly end. Resolves when the process is gone. */
  stop(): Promise<void> {
    const ended = this.#end('SIGTERM')
    this.thaw()
    return ended
  }

  /** Starts it again on the same port with the same files, after `stop` if it runs. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** SIGSTOP: connections stay open and nobody answers. Resolves when it does nothing any more. */
  async freeze(): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    this.#child?.kill('SIGSTOP')
    await eventually(() => isStopped(pid))
  }

  /** SIGCONT: goes on after `freeze`. */
  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Kills it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill()
    await this.#guard.release()
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.ref() // a running server keeps nobody waiting, one that is ending does
    this.#child?.kill(signal)
    return this.#ended
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const output = openSync(this.#logFile, 'a')
    this.#lastStart = readFileSync(this.#logFile).length
    const child = spawn(command, args, { cwd: this.#folder, stdio: ['ignore', output, output] })
    closeSync(output)
    child.unref()
    this.#guard.watch(child.pid)
    this.#child = child
    this.#ended = new Promise((resolve) => {
      const ended = (): void => {
        this.#child = undefined
        this.#guard.watch()
        resolve()
      }
      child.once('error', ended) // it could not even be started
      child.once('exit', ended)
    })
    return child
  }
}

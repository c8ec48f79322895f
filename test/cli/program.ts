import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { mustRun } from '../support/command.ts'
import { root } from '../support/source-tree.ts'

const main = join(root, 'dist', 'cli', 'main.js')

/** Call before all. `npm test` has built the program from these very sources; this is for a run without it. */
export async function buildProgram(): Promise<void> {
  if (!existsSync(main)) await mustRun('node', ['scripts/build.mjs'], root)
}

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Makes the program believe that stdout is a terminal of this width. */
  readonly terminalColumns?: number
}

/** A running program. */
export class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], options: StartOptions = {}) {
    const { terminalColumns: columns, env } = options
    const pretend = `data:text/javascript,Object.assign(process.stdout,{isTTY:true,columns:${columns}})`
    const nodeArgs = columns === undefined ? [] : ['--import', pretend]
    const cleanEnv = { ...process.env, NO_COLOR: '', TERM: 'xterm', ...env }
    this.child = spawn(process.execPath, [...nodeArgs, main, ...args], {
      env: cleanEnv,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdin.on('error', () => undefined) // the program may end before it has read everything
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (exitCode) =>
        resolve({ exitCode, stdout: this.#stdout, stderr: this.#stderr }),
      )
    })
  }

  /** Resolves when `text` has been written to stdout or stderr; rejects if the program ends without. */
  async says(text: string): Promise<void> {
    const heard = new Promise<boolean>((resolve) => {
      const look = (): void => {
        if (`${this.#stdout}\n${this.#stderr}`.includes(text)) resolve(true)
      }
      look()
      this.child.stdout.on('data', look)
      this.child.stderr.on('data', look)
    })
    const silent = this.ended.then(() => false)
    if (await Promise.race([heard, silent])) return
    throw new Error(
      `The program ended without saying ${JSON.stringify(text)}: ${this.#stdout}${this.#stderr}`,
    )
  }
}

/** Runs the program to its end, with `input` on stdin. */
export function spillway(
  args: readonly string[],
  input: string | Uint8Array = '',
  options: StartOptions = {},
): Promise<Ended> {
  const program = new Program(args, options)
  program.child.stdin.end(input)
  return program.ended
}

/** The objects of an output of JSON lines. */
export function linesOf({ stdout }: Ended): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

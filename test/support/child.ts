import { fileURLToPath } from 'node:url'
import { mustRun } from './command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Runs a TypeScript file in a process of its own and returns what it prints as JSON. It may call `gc()`; its young
 * generation is so large that nothing is collected in passing while a test counts bytes.
 */
export async function runChild<Result>(file: string, ...args: readonly (string | number)[]): Promise<Result> {
  const path = fileURLToPath(new URL(`../stress/children/${file}`, import.meta.url))
  const flags = ['--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256', '--import', 'tsx']
  return JSON.parse(await mustRun(process.execPath, [...flags, path, ...args.map(String)], root)) as Result
}

import { existsSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import process from 'node:process'

/** How this program was called, so that the commands it suggests work when they are typed. */
export function invocation(): string {
  const { env, argv } = process
  if (env['npm_lifecycle_event'] === 'start') return 'npm start --'
  if (env['npm_command'] === 'exec') return 'npx spillway'
  const folders = (env['PATH'] ?? '').split(delimiter)
  const script = argv[1] ?? ''
  const isInstalled = folders.some((folder) => folder !== '' && existsSync(join(folder, 'spillway')))
  return isInstalled || script === '' ? 'spillway' : `node ${relative(process.cwd(), script)}`
}

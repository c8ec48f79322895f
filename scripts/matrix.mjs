// npm run matrix: the tests under every supported major version of Node, whose binaries come from npm.
// Arguments go to vitest. The versions run one after the other; all run even if one fails.
import { spawn } from 'node:child_process'
import { exitCodeOf, root } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'

const versions = [20, 22, 24, 26]
const closingLine = /^\d+ passed, \d+ failed.*$/m

setUp()
const results = []
for (const version of versions) results.push(await testUnder(version))

console.log('\nMatrix')
for (const { node, exitCode, line } of results)
  console.log(`  ${node.padEnd(10)} ${line} (exit code ${exitCode})`)
process.exitCode = results.every((result) => result.exitCode === 0) ? 0 : 1

async function testUnder(version) {
  const args = process.argv.slice(2).map((arg) => JSON.stringify(arg))
  const script = `node --version && node scripts/test.mjs ${args.join(' ')}`
  const child = spawn('npm', ['exec', '--yes', `--package=node@${version}`, '-c', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
    process.stdout.write(text)
  })
  const exitCode = await exitCodeOf(child)
  return {
    node: /^v\d+\.\S+/m.exec(output)?.[0] ?? `v${version}`,
    exitCode,
    line: closingLine.exec(output)?.[0] ?? 'did not report',
  }
}
